#!/bin/sh
# Run once by the postgres image of compose.yaml, as its superuser: the service gets a user without privileges, and a
# database of its own. The superuser keeps no password: it is reached from inside the container only.
set -eu
psql --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres \
  --set=service="$SERVICE" --set=password="$POSTGRES_PASSWORD" --set=superuser="$POSTGRES_USER" <<'SQL'
create role :"service" login password :'password';
create database :"service" owner :"service";
alter role :"superuser" password null;
SQL
