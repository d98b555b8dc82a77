"""Greedy continuation of a fixed text by PyTorch (bf16, eager) or llama.cpp on the same weights.

usage: generate.py torch|llama MODEL.gguf PROMPT-TOKENS NEW-TOKENS THREADS; prints one JSON object.
"""

import json
import os
import sys
import time


def prompts(count, vocabulary):
    return [[100 + (place + turn) * 7919 % (vocabulary - 200) for place in range(count)] for turn in range(3)]


def with_torch(model_path, prompt_tokens, new_tokens):
    import torch
    from transformers import AutoModelForCausalLM

    folder, name = os.path.split(model_path)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.bfloat16).eval()
    prefill, decode = [], []
    with torch.inference_mode():
        for prompt in prompts(prompt_tokens, model.config.vocab_size):
            begin = time.perf_counter()
            result = model(input_ids=torch.tensor([prompt]), use_cache=True, logits_to_keep=1)
            token = result.logits[:, -1:].argmax(-1)
            prefill.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            for _ in range(new_tokens - 1):
                result = model(input_ids=token, past_key_values=result.past_key_values, use_cache=True)
                token = result.logits[:, -1:].argmax(-1)
            if new_tokens > 1:
                decode.append((time.perf_counter() - begin) / (new_tokens - 1))
    return prefill, decode


def with_llama(model_path, prompt_tokens, new_tokens, threads):
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = model_path
    parameters.n_ctx = 2048
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(parameters)
    prefill, decode = [], []
    for prompt in prompts(prompt_tokens, 49152):
        # Its own clock: without the server's overhead around it.
        timings = server.handle_completions({
            "prompt": prompt, "n_predict": max(new_tokens, 2), "temperature": 0, "top_k": 1, "cache_prompt": False,
            "ignore_eos": True,
        })["timings"]
        prefill.append(timings["prompt_ms"] / 1000)
        if new_tokens > 1:
            decode.append(timings["predicted_per_token_ms"] / 1000)
    return prefill, decode


def main():
    kind, model_path = sys.argv[1:3]
    prompt_tokens, new_tokens, threads = (int(text) for text in sys.argv[3:6])
    if kind == "torch":
        prefill, decode = with_torch(model_path, prompt_tokens, new_tokens)
    else:
        prefill, decode = with_llama(model_path, prompt_tokens, new_tokens, threads)
    print("\n" + json.dumps({"prefillSeconds": prefill, "decodeSeconds": decode}))


main()
