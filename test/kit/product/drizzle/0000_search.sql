-- Search stands on trigrams. Whoever may create in the database may create this extension; where it is there, anybody passes.
DO $$ BEGIN
	CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN OTHERS THEN
	RAISE EXCEPTION 'the extension pg_trgm, which search needs, cannot be created (%). Let the owner of the database % run CREATE EXTENSION pg_trgm in it once (a managed Postgres: switch the extension on in its settings; a server of your own may need the package postgresql-contrib), or set MIGRATE_DATABASE_URL to the owner, then migrate again', SQLERRM, quote_ident(current_database()) USING ERRCODE = SQLSTATE;
END $$;
