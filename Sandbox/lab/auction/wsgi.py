"""An auction house in the manner of RUBiS: browse, search, bid and sell.

A page depends on the request and on the database's answers only. The clock is
read by the database alone, chance is used for the login token alone, and what
is served by one copy of this process would be served by any other.
"""

import secrets
from hashlib import sha256

from flask import Flask, abort, redirect, render_template, request

import text
from db import pool, row, rows, run, transaction
from forms import number, words

PAGE = 25

app = Flask(__name__, static_folder=None)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.jinja_env.auto_reload = False
app.jinja_env.trim_blocks = True
app.jinja_env.lstrip_blocks = True
text.install(app.jinja_env)

# Compiled now, so that the first request costs as much as the thousandth.
for name in app.jinja_env.list_templates():
    app.jinja_env.get_template(name)

COLUMNS = """item.id, item.title, item.description, item.start_price, item.price,
             item.bid_count, item.opened, item.category, item.seller,
             category.name AS category_name,
             account.name AS seller_name, account.city, account.rating """
JOINS = """JOIN account ON account.id = item.seller
           JOIN category ON category.id = item.category """
ITEM = f"SELECT {COLUMNS} FROM item {JOINS}"


def navigation(db):
    return rows(db, "SELECT id, name, blurb FROM category WHERE id >= %s ORDER BY id", 1)


def visitor(db):
    """The account behind the cookie, or None."""
    return row(db, """SELECT account.id, account.name, account.city, account.rating, account.joined
                      FROM session JOIN account ON account.id = session.account
                      WHERE session.token = %s""", token())


def token():
    return words(request.cookies.get("sid"), 64)


def to_login():
    return redirect("/login", 303)


@app.get("/")
def home():
    with pool.connection() as db:
        return render_template(
            "home.html",
            categories=navigation(db),
            featured=rows(db, ITEM + "WHERE featured ORDER BY item.id LIMIT %s", 21),
            newest=rows(db, ITEM + "ORDER BY item.id DESC LIMIT %s", 5),
        )


@app.get("/browse")
def browse():
    category = number(request.args.get("category"))
    page = number(request.args.get("page", "1"))
    with pool.connection() as db:
        categories = navigation(db)
        chosen = next((one for one in categories if one.id == category), None)
        if chosen is None:
            abort(404, "There is no such category.")
        total = row(db, "SELECT count(*) AS items FROM item WHERE category = %s", category)
        found = rows(db, ITEM + "WHERE item.category = %s ORDER BY item.id LIMIT %s OFFSET %s",
                     category, PAGE, (page - 1) * PAGE)
        return render_template("browse.html", categories=categories, chosen=chosen, found=found,
                               page=page, pages=-(-total.items // PAGE), total=total.items)


@app.get("/search")
def search():
    sought = words(request.args.get("q"), 60)
    page = number(request.args.get("page", "1"))
    match = "to_tsvector('simple', title) @@ plainto_tsquery('simple', %s) "
    with pool.connection() as db:
        total = row(db, "SELECT count(*) AS items FROM item WHERE " + match, sought)
        found = rows(db, ITEM + "WHERE " + match + "ORDER BY item.id LIMIT %s OFFSET %s",
                     sought, PAGE, (page - 1) * PAGE)
        return render_template("search.html", categories=navigation(db), sought=sought, found=found,
                               page=page, pages=-(-total.items // PAGE), total=total.items)


def item_page(db, item, offer=None):
    """The page of one item; with an offer, it says that it was too low."""
    shown = row(db, ITEM + "WHERE item.id = %s", item)
    if shown is None:
        abort(404, "There is no such item.")
    history = rows(db, """SELECT bid.id, bid.amount, bid.placed, account.name, account.city, account.rating
                          FROM bid JOIN account ON account.id = bid.bidder
                          WHERE bid.item = %s ORDER BY bid.amount DESC, bid.id DESC LIMIT %s""", item, PAGE)
    # The neighbours that follow in the same category, from its end on to its start.
    related = rows(db, ITEM + """WHERE item.category = %s AND item.id <> %s
                                 ORDER BY item.id < %s, item.id LIMIT %s""",
                   shown.category, item, item, 22)
    return render_template("item.html", categories=navigation(db), item=shown, history=history,
                           related=related, offer=offer)


@app.get("/item/<item>")
def item(item):
    item = number(item)
    with pool.connection() as db:
        return item_page(db, item)


@app.get("/login")
def login_form():
    with pool.connection() as db:
        return render_template("login.html", categories=navigation(db), refused=False)


@app.post("/login")
def login():
    name = words(request.form.get("user"), 40)
    password = words(request.form.get("password"), 40)
    proof = sha256(f"{name}:{password}".encode()).hexdigest()
    with pool.connection() as db:
        account = row(db, "SELECT id FROM account WHERE name = %s AND password = %s", name, proof)
        if account is None:
            return render_template("login.html", categories=navigation(db), refused=True), 403
        sid = secrets.token_hex(16)
        run(db, "INSERT INTO session (token, account) VALUES (%s, %s)", sid, account.id)
    answer = redirect("/user", 303)
    answer.set_cookie("sid", sid, httponly=True)
    return answer


@app.get("/user")
def user():
    if not token():
        return to_login()
    with pool.connection() as db:
        me = visitor(db)
        if me is None:
            return to_login()
        bids = rows(db, f"""SELECT {COLUMNS}, bid.amount, bid.placed
                            FROM bid JOIN item ON item.id = bid.item {JOINS}
                            WHERE bid.bidder = %s ORDER BY bid.id DESC LIMIT %s""", me.id, 20)
        sales = rows(db, ITEM + "WHERE item.seller = %s ORDER BY item.id DESC LIMIT %s", me.id, 8)
        return render_template("user.html", categories=navigation(db), me=me, bids=bids, sales=sales)


@app.post("/bid")
def bid():
    if not token():
        return to_login()
    item = number(request.form.get("item"))
    amount = number(request.form.get("amount"))
    with pool.connection() as db:
        me = visitor(db)
        if me is None:
            return to_login()
        with transaction(db):
            # Two visitors who bid on the same item at the same time take
            # turns here, and the second one sees the first one's price.
            current = row(db, "SELECT price FROM item WHERE id = %s FOR UPDATE", item)
            if current is None:
                abort(404, "There is no such item.")
            higher = amount > current.price
            if higher:
                run(db, "INSERT INTO bid (item, bidder, amount) VALUES (%s, %s, %s)", item, me.id, amount)
                run(db, "UPDATE item SET price = %s, bid_count = bid_count + 1 WHERE id = %s", amount, item)
        if not higher:
            return item_page(db, item, offer=amount)
    return redirect(f"/item/{item}", 303)


@app.post("/sell")
def sell():
    if not token():
        return to_login()
    title = words(request.form.get("title"), 120)
    category = number(request.form.get("category"))
    price = number(request.form.get("price"))
    description = words(request.form.get("description"), 2000) or "The seller has not described this lot yet."
    if not title:
        abort(400, "An item needs a title.")
    with pool.connection() as db:
        me = visitor(db)
        if me is None:
            return to_login()
        with transaction(db):
            if row(db, "SELECT id FROM category WHERE id = %s", category) is None:
                abort(400, "There is no such category.")
            new = row(db, """INSERT INTO item (seller, category, title, description, start_price, price)
                             VALUES (%s, %s, %s, %s, %s, %s) RETURNING id""",
                      me.id, category, title, description, price, price)
    return redirect(f"/item/{new.id}", 303)


@app.get("/health")
def health():
    with pool.connection() as db:
        return f"<!doctype html><title>health</title><p>{row(db, 'SELECT %s AS word', 'ok').word}</p>\n"


@app.errorhandler(400)
@app.errorhandler(404)
@app.errorhandler(405)
@app.errorhandler(500)
def trouble(error):
    return render_template("trouble.html", error=error), error.code
