"""Multiplications of two 8 x 8 tensors from Python: seconds a call, as JSON."""

import json
import sys
import time

import torch

calls = int(sys.argv[1])
a, b = torch.full((8, 8), 1.5), torch.full((8, 8), 0.5)
seconds = []
for _ in range(10):
    begin = time.perf_counter()
    for _ in range(calls):
        a * b
    seconds.append((time.perf_counter() - begin) / calls)
print(json.dumps({"seconds": seconds}))
