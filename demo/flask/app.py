"""One page that says which edition of it is running."""

import pathlib

import flask

app = flask.Flask(__name__)
edition = pathlib.Path(__file__).with_name("edition.txt").read_text().strip()


@app.get("/")
def page():
    return f"Assayed: edition {edition}\n"


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8080)
