-- 20 categories, 1,000 users, 4,000 items, about 40,000 bids: the same rows
-- on every build. "Random" choices are hashes of the row number, so they
-- depend neither on a generator's state nor on the order of execution.

CREATE FUNCTION pick(n int, salt int, choices int) RETURNS int
LANGUAGE sql IMMUTABLE
RETURN ((hashint4extended(n, salt) & 2147483647) % choices)::int;

CREATE FUNCTION pick(n int, salt int, choices text[]) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN choices[1 + pick(n, salt, cardinality(choices))];

-- Words of the catalogue: each category has ten nouns; all share the
-- adjectives and the materials.
CREATE TABLE noun (category int, list text[]);

INSERT INTO category (id, name, blurb) VALUES
    (1, 'Furniture', 'Seating, storage and tables from workshop and attic'),
    (2, 'Clocks', 'Timepieces for wall, mantel and pocket'),
    (3, 'Cameras', 'Bodies, lenses and darkroom equipment'),
    (4, 'Books', 'Printed works, maps and manuscripts'),
    (5, 'Jewellery', 'Rings, chains and settings'),
    (6, 'Toys', 'Playthings, tin and otherwise'),
    (7, 'Instruments', 'Strings, keys, reeds and percussion'),
    (8, 'Glassware', 'Blown, cut and pressed'),
    (9, 'Ceramics', 'Stoneware, porcelain and tiles'),
    (10, 'Tools', 'Hand tools for bench and field'),
    (11, 'Radio', 'Receivers, transmitters and spare valves'),
    (12, 'Textiles', 'Rugs, hangings and linen'),
    (13, 'Lighting', 'Lamps, lanterns and shades'),
    (14, 'Kitchen', 'Pans, scales and stoves'),
    (15, 'Garden', 'Ornaments, benches and barrows'),
    (16, 'Travel', 'Trunks, cases and compasses'),
    (17, 'Sport', 'Rackets, skates and oars'),
    (18, 'Science', 'Optics, balances and models'),
    (19, 'Art', 'Prints, panels and small bronzes'),
    (20, 'Office', 'Typewriters, desk sets and files');

INSERT INTO noun VALUES
    (1, '{armchair,bookcase,cabinet,dresser,footstool,sideboard,settee,wardrobe,washstand,whatnot}'),
    (2, '{alarm,chronometer,cuckoo,hourglass,longcase,metronome,pendulum,regulator,stopwatch,sundial}'),
    (3, '{bellows,enlarger,folder,lens,lightmeter,projector,rangefinder,reflex,shutter,tripod}'),
    (4, '{almanac,atlas,bestiary,cookbook,dictionary,folio,herbal,hymnal,ledger,novel}'),
    (5, '{anklet,bangle,bracelet,brooch,cameo,cufflink,locket,necklace,pendant,tiara}'),
    (6, '{carousel,dollhouse,kite,locomotive,marbles,puppet,puzzle,robot,soldier,teddy}'),
    (7, '{accordion,banjo,cello,clarinet,concertina,flute,harp,mandolin,viola,zither}'),
    (8, '{beaker,bottle,carafe,decanter,goblet,paperweight,pitcher,tumbler,vase,wineglass}'),
    (9, '{amphora,figurine,jardiniere,jug,plate,saucer,teapot,tile,tureen,urn}'),
    (10, '{anvil,auger,chisel,clamp,drawknife,mallet,plane,rasp,spanner,vice}'),
    (11, '{aerial,amplifier,crystal,headphones,loudspeaker,microphone,oscillator,receiver,tuner,valve}'),
    (12, '{bedspread,blanket,carpet,cushion,kilim,quilt,sampler,shawl,tablecloth,tapestry}'),
    (13, '{candelabra,candlestick,chandelier,lamp,lampshade,lantern,sconce,spotlight,torch,uplighter}'),
    (14, '{breadbin,casserole,churn,grinder,kettle,mould,samovar,scales,skillet,toaster}'),
    (15, '{arbour,barrow,birdbath,cloche,fountain,gnome,gate,planter,trellis,weathervane}'),
    (16, '{binoculars,compass,hamper,hatbox,rucksack,satchel,suitcase,telescope,trunk,valise}'),
    (17, '{cricketbat,croquet,foil,golfclub,oar,racket,skates,skis,sledge,snooker}'),
    (18, '{barometer,calorimeter,galvanometer,globe,hygrometer,microscope,orrery,planimeter,prism,sextant}'),
    (19, '{bust,engraving,etching,fresco,icon,landscape,lithograph,miniature,portrait,woodcut}'),
    (20, '{abacus,bureau,calculator,inkwell,lectern,letterbox,notebook,stapler,telephone,typewriter}');

INSERT INTO account (id, name, password, city, rating, joined)
SELECT n,
       'user' || n,
       encode(sha256(convert_to('user' || n || ':secret' || n, 'UTF8')), 'hex'),
       pick(n, 1, '{Aarhus,Bergen,Bremen,Bristol,Ghent,Graz,Leiden,Lyon,Porto,Seville,Tartu,Turin,Uppsala,Utrecht,Vilnius,Zagreb}'::text[]),
       pick(n, 2, 501),
       timestamptz '2015-01-01 00:00+00' + make_interval(hours => pick(n, 3, 70000))
FROM generate_series(1, 1000) AS n;

-- Categories go round robin: 200 items, that is 8 pages, in each. A
-- description is HTML, as sellers write it; text.py cleans it for the page.
INSERT INTO item (id, seller, category, title, description, start_price, price, featured, opened)
SELECT n,
       1 + pick(n, 10, 1000),
       category,
       initcap(adjective) || ' ' || material || ' ' || thing || ' #' || n,
       format(E'<h3><font size="4">%s</font></h3>\n'
              '<p class="MsoNormal"><span>This <b>%s</b> %s is made of <b>%s</b> and sold <i>%s</i>. '
              'The %s is <em>%s</em>; it comes from a <em>%s</em>. '
              'See <a href="/search?q=%s">similar pieces</a>.</span></p>\n',
              initcap(thing), adjective, thing, material,
              pick(n, 15, '{in working order,as found,after a recent repair,complete with its case,with light wear,unused}'::text[]),
              pick(n, 16, '{surface,finish,body,frame,outer part,base}'::text[]),
              pick(n, 17, '{original,sound,a little scratched,clean,better than it looks}'::text[]),
              pick(n, 18, '{private house,museum sale,school,country estate,closed workshop,family collection}'::text[]),
              thing)
       || format(E'<ul>\n'
              '<li><font size="2">Height: <b>%s</b> cm</font></li>\n'
              '<li><font size="2">Width: <b>%s</b> cm</font></li>\n'
              '<li><font size="2">Weight: <b>%s</b> kg, packed</font></li>\n'
              '<li><font size="2">Made about <b>%s</b></font></li>\n'
              '<li><font size="2">Marked <i>%s</i></font></li>\n'
              '</ul>\n',
              10 + pick(n, 19, 180), 8 + pick(n, 20, 140), 1 + pick(n, 21, 60),
              1850 + pick(n, 22, 120),
              pick(n, 23, '{on the underside,inside the lid,in two places,on the back,with a paper label,by hand}'::text[]))
       || format(E'<ul>\n'
              '<li><font size="2">Seen by <b>%s</b> experts</font></li>\n'
              '<li><font size="2">Shown on <b>%s</b> photographs</font></li>\n'
              '<li><font size="2">In the family for <b>%s</b> years</font></li>\n'
              '<li><font size="2">Sent within <b>%s</b> days</font></li>\n'
              '<li><font size="2">Postage <b>$%s</b>, insured</font></li>\n'
              '<li><font size="2">Paid by <b>%s</b></font></li>\n'
              '<li><font size="2">Kept in <i>%s</i></font></li>\n'
              '</ul>\n',
              2 + pick(n, 35, 4), 2 + pick(n, 36, 11), 3 + pick(n, 37, 70),
              2 + pick(n, 27, 9), 4 + pick(n, 28, 50),
              pick(n, 29, '{cheque,card,bank transfer,cash}'::text[]),
              pick(n, 34, '{a smoke-free house,a dry cellar,a shop,an attic}'::text[]))
       || '<p class="MsoNormal"><span>' || pick(n, 24, array[
           'The seller has kept it <i>dry and away from sunlight</i>. Small marks agree with its age &amp; use, and the photographs show <b>every one of them</b>.',
           'It was last used by its previous owner, who kept <b>careful records</b> of every repair. Copies of these records <i>go with the lot</i>.',
           'An expert looked at it last year and found <i>no later parts</i>. The written opinion is included, with <b>two letters</b> about its history.',
           'It shows well from three sides; the fourth has a dent that is <b>easy to hide</b>. Ask for <i>more photographs</i> before you bid.'])
       || E'</span></p>\n<p class="MsoNormal"><span>' || pick(n, 25, array[
           'Collection in person is <b>welcome</b>. Postage is <i>insured</i> and takes about a week; see <a href="/browse?category=' || category || '">all lots of this kind</a>.',
           'Packing is <b>included</b> in the price. Buyers abroad pay the <i>actual</i> postage; questions are answered <a href="/item/' || n || '">on the lot page</a>.',
           'Returns are taken within <b>fourteen days</b> when the lot is <i>not as described</i>. See also <a href="/search?q=' || material || '">other ' || material || ' pieces</a>.'])
       || '</span></p>',
       start_price, start_price,
       n % 160 = 7,
       timestamptz '2024-01-01 00:00+00' + make_interval(mins => n * 90 + pick(n, 26, 80))
FROM (SELECT n,
             1 + n % 20 AS category,
             pick(n, 11, '{antique,bright,classic,compact,curious,delicate,elegant,faded,genuine,handmade,heavy,imported,miniature,modern,ornate,painted,plain,polished,rare,restored,rustic,signed,sturdy,vintage}'::text[]) AS adjective,
             pick(n, 12, '{bamboo,beech,brass,bronze,chrome,copper,crystal,ebony,enamel,iron,ivory,leather,lacquer,marble,oak,pewter,pine,silver,steel,walnut}'::text[]) AS material,
             pick(n, 13, list) AS thing,
             5 + pick(n, 14, 400) AS start_price
      FROM generate_series(1, 4000) AS n JOIN noun ON noun.category = 1 + n % 20) AS words;

-- 0 to 20 bids an item, each a fixed step above the one before it.
INSERT INTO bid (id, item, bidder, amount, placed)
SELECT row_number() OVER (ORDER BY k, item.id),
       item.id,
       1 + pick(item.id * 32 + k, 31, 1000),
       start_price + k * (1 + pick(item.id, 32, 12)),
       opened + make_interval(mins => k * 200 + pick(item.id * 32 + k, 33, 190))
FROM item, LATERAL generate_series(1, pick(item.id, 30, 21)) AS k;

UPDATE item SET price = best, bid_count = bids
FROM (SELECT item AS id, max(amount) AS best, count(*) AS bids FROM bid GROUP BY item) AS total
WHERE total.id = item.id;

-- The rows above carry their own numbers; the service goes on from there.
ALTER TABLE item ALTER id RESTART WITH 4001;

ALTER TABLE bid ALTER id RESTART WITH 100001;

DROP TABLE noun;

DROP FUNCTION pick(int, int, int), pick(int, int, text[]);

-- The UPDATE left a dead version of most items behind.
VACUUM FULL item;
