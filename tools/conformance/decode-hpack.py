"""Decodes field blocks with the PyPI package hpack, an implementation that shares nothing with ours.

Reads JSON: a list of stories, each a list of {"wire": hex, "tableSize": number or null}. Writes JSON: for each block its fields
as [name, value, sensitive], octets as Latin-1 characters, or the text of the error.
"""

import json
import sys

from hpack import Decoder


def decode(story):
    decoder = Decoder()
    for block in story:
        if block["tableSize"] is not None:
            decoder.max_allowed_table_size = block["tableSize"]
        try:
            fields = decoder.decode(bytes.fromhex(block["wire"]), raw=True)
            yield [[f[0].decode("latin-1"), f[1].decode("latin-1"), not f.indexable] for f in fields]
        except Exception as error:
            yield repr(error)


json.dump([list(decode(story)) for story in json.load(sys.stdin)], sys.stdout)
