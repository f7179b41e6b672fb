-- SPDX-License-Identifier: BSD-2-Clause
-- The geocoding service. Names are the platform's; an existing database keeps its rows: only what is missing is made.

-- IF NOT EXISTS wants the right to make one also where there is nothing to make.
DO $$
BEGIN
	IF to_regnamespace('geocoding_service') IS NULL THEN
		CREATE SCHEMA geocoding_service;
	END IF;
END
$$;

-- What an address or a place was resolved to; result_data is the geocoder's answer as JSON text.
CREATE TABLE IF NOT EXISTS geocoding_service.geocache (
	id serial PRIMARY KEY,
	query varchar(255) NOT NULL,
	query_type varchar(50) NOT NULL,
	latitude double precision,
	longitude double precision,
	display_name varchar(255),
	result_data text,
	created_at timestamp DEFAULT (now() AT TIME ZONE 'UTC'),
	updated_at timestamp DEFAULT (now() AT TIME ZONE 'UTC'),
	hit_count integer DEFAULT 1
);
CREATE INDEX IF NOT EXISTS idx_geocache_query ON geocoding_service.geocache (query);
CREATE INDEX IF NOT EXISTS idx_geocache_query_type ON geocoding_service.geocache (query_type);
CREATE INDEX IF NOT EXISTS idx_geocache_created_at ON geocoding_service.geocache (created_at);

-- Road distances. route_data is JSON text with original_source: a row of another source than the router is not served.
CREATE TABLE IF NOT EXISTS geocoding_service.distance_cache (
	id serial PRIMARY KEY,
	origin_latitude double precision NOT NULL,
	origin_longitude double precision NOT NULL,
	destination_latitude double precision NOT NULL,
	destination_longitude double precision NOT NULL,
	travel_mode varchar(50) NOT NULL,
	distance_km double precision NOT NULL,
	route_data text,
	created_at timestamp DEFAULT (now() AT TIME ZONE 'UTC'),
	updated_at timestamp DEFAULT (now() AT TIME ZONE 'UTC'),
	hit_count integer DEFAULT 1
);
CREATE INDEX IF NOT EXISTS idx_distance_cache_points ON geocoding_service.distance_cache
	(origin_latitude, origin_longitude, destination_latitude, destination_longitude, travel_mode);

-- The middle of each postal code's area.
CREATE TABLE IF NOT EXISTS geocoding_service.plz_centroids (
	plz varchar(5) PRIMARY KEY,
	ort varchar(255) NOT NULL,
	bundesland varchar(100),
	bundesland_code varchar(2),
	latitude double precision NOT NULL,
	longitude double precision NOT NULL,
	created_at timestamp DEFAULT (now() AT TIME ZONE 'UTC'),
	updated_at timestamp DEFAULT (now() AT TIME ZONE 'UTC')
);
