-- concurrently
CREATE INDEX CONCURRENTLY "users_search" ON "users" USING gin ("email" gin_trgm_ops,("first_name" || ' ' || "last_name") gin_trgm_ops);