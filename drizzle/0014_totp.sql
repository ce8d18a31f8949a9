CREATE TABLE "totp" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"seed" text NOT NULL,
	"last_step" bigint NOT NULL,
	"recovery_codes" text[] NOT NULL,
	"created" timestamp with time zone DEFAULT now() NOT NULL,
	"codes_made" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "totp" ADD CONSTRAINT "totp_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;