-- A row that ends is written once more beside itself. Those of one time lie on one page and often end together, and where there is room for
-- all of them, no index hears of it: that is most of the work of an end of very many. What is there already stays where it is.
ALTER TABLE sessions SET (fillfactor = 50);
ALTER TABLE grants SET (fillfactor = 50);
ALTER TABLE refresh_families SET (fillfactor = 50);
