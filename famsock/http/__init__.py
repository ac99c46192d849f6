"""HTTP clients over the streams of any family.

Each module has one client library's own classes, with an endpoint to connect to in place of the
URL's host and port: `client` (http.client), `urllib3`, `requests`, `httpx` and `aiohttp`. The URL
still gives the Host header, and for https the name that the server's certificate must have. A
module needs its library (``pip install famsock[httpx]``), and no other one.
"""
