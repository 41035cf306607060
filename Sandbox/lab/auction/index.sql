-- Indices, made after the seed because that is faster. Each one serves a page.

-- /browse: one category, a page at a time
CREATE INDEX item_by_category ON item (category, id);

-- /user: what the visitor sells
CREATE INDEX item_by_seller ON item (seller, id);

-- / : the editor's choice
CREATE INDEX item_featured ON item (id) WHERE featured;

-- /search. fastupdate off: a sale pays for its own index entries, instead of
-- some later search paying for a whole backlog.
CREATE INDEX item_words ON item USING gin (to_tsvector('simple', title)) WITH (fastupdate = off);

-- /item: highest bids first
CREATE INDEX bid_by_item ON bid (item, amount DESC, id DESC);

-- /user: the visitor's latest bids
CREATE INDEX bid_by_bidder ON bid (bidder, id DESC);
