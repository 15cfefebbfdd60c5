-- The way back: nobody knows any more how far listeners have come, until they say so again.
DROP TABLE revocation_acknowledgements;
