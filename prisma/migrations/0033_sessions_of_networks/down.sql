DROP INDEX sessions_network_idx;
