-- The way back: the counts are forgotten, and slowing with them.
DROP TABLE sign_in_failures;
