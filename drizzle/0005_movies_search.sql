-- concurrently
CREATE INDEX CONCURRENTLY "movies_creator_id" ON "movies" USING btree ("creator","id");--> statement-breakpoint
CREATE INDEX CONCURRENTLY "movies_search" ON "movies" USING gin ("title" gin_trgm_ops,"director" gin_trgm_ops);--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "movies_creator";