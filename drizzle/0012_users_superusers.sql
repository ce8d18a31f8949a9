-- concurrently
CREATE INDEX CONCURRENTLY "users_superusers" ON "users" USING btree ("id") WHERE "users"."role" = 'superuser';