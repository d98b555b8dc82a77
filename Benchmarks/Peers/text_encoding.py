"""Hugging Face's tokenizers on one thread: seconds of loading and of encoding, as JSON.

    python text_encoding.py TOKENIZER_JSON LINES_JSON
"""

import json
import os
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from tokenizers import Tokenizer  # noqa: E402, after the environment it reads


def clocked(work):
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


path, lines = sys.argv[1:]
texts = json.load(open(lines, encoding="utf-8"))
loading = [clocked(lambda: Tokenizer.from_file(path))[0] for _ in range(5)]


def passes(encode):
    """Each way of calling begins with a cache of its own."""
    tokenizer = Tokenizer.from_file(path)
    tokenizer.encode_special_tokens = True  # control tokens in a text stay text, as ours has it
    return [clocked(lambda: encode(tokenizer)) for _ in range(10)]


one_by_one = passes(lambda tokenizer: sum(len(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts))
together = passes(lambda tokenizer: sum(
    len(encoding.ids) for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)))
print(json.dumps({
    "loadSeconds": loading,
    "firstPassSeconds": min(one_by_one[0][0], together[0][0]),
    "encodeSeconds": [seconds for seconds, _ in one_by_one + together],
    "tokens": one_by_one[0][1],
}))
