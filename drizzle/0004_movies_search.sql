DROP INDEX "movies_creator";--> statement-breakpoint
CREATE INDEX "movies_creator_id" ON "movies" USING btree ("creator","id");--> statement-breakpoint
CREATE INDEX "movies_search" ON "movies" USING gin ("title" gin_trgm_ops,"director" gin_trgm_ops);