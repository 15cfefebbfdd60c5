DROP TABLE overview_figures;
DROP TABLE event_counts;
