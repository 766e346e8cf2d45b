"""Writes documents to Elasticsearch or OpenSearch by the helpers of the official client.

helpers.py KIND URL PIDFILE DOCUMENTS HOW: prints the seconds on the wall, of the server's CPU and of the
client's. A line of DOCUMENTS is an action, as the helpers take it. HOW is `bulk`, with all its defaults, or
`parallel`, which is parallel_bulk with two threads and 5,000 documents a request.
"""

import collections
import importlib
import json
import sys
import time


def server_cpu(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main(kind, url, pidfile, documents, how):
    with open(pidfile) as file:
        pid = file.read().strip()
    with open(documents) as file:
        actions = [json.loads(line) for line in file]
    library = importlib.import_module({"elasticsearch": "elasticsearch", "opensearch": "opensearchpy"}[kind])
    helpers = importlib.import_module(library.__name__ + ".helpers")
    client = getattr(library, {"elasticsearch": "Elasticsearch", "opensearch": "OpenSearch"}[kind])(url)
    client.info()
    server, wall, spent = server_cpu(pid), time.time(), time.process_time()
    if how == "bulk":
        helpers.bulk(client, actions)
    else:
        collections.deque(helpers.parallel_bulk(client, actions, thread_count=2, chunk_size=5000), maxlen=0)
    print(json.dumps({"wall": time.time() - wall, "server": server_cpu(pid) - server,
                      "client": time.process_time() - spent}))


main(*sys.argv[1:])
