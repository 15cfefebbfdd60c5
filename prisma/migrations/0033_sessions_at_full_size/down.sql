DROP INDEX grants_standing_idx;
DROP INDEX sessions_standing_idx;
DROP INDEX sessions_network_idx;
