DROP TABLE session_counting;
DROP TABLE session_counts;
