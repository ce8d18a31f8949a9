CREATE TABLE "safes" (
	"member" uuid PRIMARY KEY NOT NULL,
	"code" text
);
--> statement-breakpoint
ALTER TABLE "safes" ADD CONSTRAINT "safes_member_members_id_fk" FOREIGN KEY ("member") REFERENCES "public"."members"("id") ON DELETE cascade ON UPDATE no action;