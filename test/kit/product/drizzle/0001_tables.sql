CREATE TYPE "public"."member_rank" AS ENUM('banned', 'reader', 'writer', 'owner');--> statement-breakpoint
CREATE TABLE "members" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"email" text NOT NULL,
	"secret" text NOT NULL,
	"rank" "member_rank" DEFAULT 'writer' NOT NULL,
	"joined" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "members_email" UNIQUE("email")
);
--> statement-breakpoint
CREATE TABLE "notes" (
	"id" serial PRIMARY KEY NOT NULL,
	"text" text NOT NULL,
	"writer" uuid NOT NULL,
	"written" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"job" json NOT NULL,
	"retry_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "notes_writer_members_id_fk" FOREIGN KEY ("writer") REFERENCES "public"."members"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "notes_written_id" ON "notes" USING btree ("written","id");--> statement-breakpoint
CREATE INDEX "notes_writer_id" ON "notes" USING btree ("writer","id");--> statement-breakpoint
CREATE INDEX "notes_search" ON "notes" USING gin ("text" gin_trgm_ops);