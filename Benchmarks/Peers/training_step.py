"""Training steps of PyTorch and transformers on a decoder of SmolLM2-135M's shape, 4 x 256 tokens.

usage: training_step.py f32|autocast|bf16 [STEPS]; prints one JSON object.
"""

import json
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM


def peak_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def main():
    mode = sys.argv[1]
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 6
    torch.manual_seed(7)
    shape = LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
        num_key_value_heads=3, tie_word_embeddings=True, rope_theta=100000.0, rms_norm_eps=1e-5,
        max_position_embeddings=2048, use_cache=False)
    model = LlamaForCausalLM(shape).train()
    if mode == "bf16":
        model = model.to(torch.bfloat16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    tokens = torch.randint(0, shape.vocab_size, (4, 256))
    seconds, processor_seconds, losses = [], [], []
    for _ in range(steps):
        begin, processor_begin = time.perf_counter(), time.process_time()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode == "autocast"):
            loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        seconds.append(time.perf_counter() - begin)
        processor_seconds.append(time.process_time() - processor_begin)
    print(json.dumps({"seconds": seconds, "processorSeconds": processor_seconds, "losses": losses, "tokens": tokens.numel(),
                      "peakBytes": peak_bytes(), "threads": torch.get_num_threads()}))


main()
