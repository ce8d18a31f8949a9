-- concurrently
CREATE INDEX CONCURRENTLY "users_deletes" ON "users" USING btree ("deletes") WHERE "users"."deletes" is not null;