-- SPDX-License-Identifier: BSD-2-Clause
-- What is kept expires: each new row takes some of the expired ones away, and finds them by these.
CREATE INDEX IF NOT EXISTS idx_geocache_updated_at ON geocoding_service.geocache (updated_at);
CREATE INDEX IF NOT EXISTS idx_distance_cache_updated_at ON geocoding_service.distance_cache (updated_at);
