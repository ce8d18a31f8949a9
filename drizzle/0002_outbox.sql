CREATE TABLE "outbox" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"job" json NOT NULL,
	"retry_at" timestamp with time zone
);
