"""SASRec and DeepFM of RecBole 1.2.1 on the data of `Benchmarks recommender-…`.

usage: recommender.py sasrec|deepfm|ranking STEPS; prints one JSON object. Needs numpy < 2 and ray 2.6.3.
"""

import json
import logging
import os
import pathlib
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.model.context_aware_recommender import DeepFM
from recbole.model.sequential_recommender import SASRec
from recbole.trainer import Trainer

logging.disable(logging.CRITICAL)
USERS, ITEMS, LENGTH = 2000, 5000, 40
mode, steps = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(len(os.sched_getaffinity(0)))
folder = tempfile.mkdtemp()
os.chdir(folder)  # RecBole writes logs where it stands


def peak_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def item(user, step):
    return (user * 7919 + step * 104729 + (step * step) % 97) % ITEMS


pathlib.Path(folder, "data").mkdir()
with open(f"{folder}/data/data.inter", "w") as file:
    names = [f"field{number}:token" for number in range(5)] if mode == "deepfm" else []
    file.write("\t".join(["user_id:token", "item_id:token", "timestamp:float", "label:float"] + names) + "\n")
    for user in range(USERS):
        for step in range(LENGTH):
            found = item(user, step)
            row = [user, found, step, 1 if (found * 31 + user) % 3 == 0 else 0]
            row += [(found * (3 + number) + user) % 20 for number in range(5)] if names else []
            file.write("\t".join(map(str, row)) + "\n")
common = {"data_path": folder, "dataset": "data", "use_gpu": False, "show_progress": False, "seed": 7,
          "checkpoint_dir": folder, "train_batch_size": 2048}
if mode == "deepfm":
    config = Config(model="DeepFM", config_dict=common | {
        "load_col": {"inter": ["user_id", "item_id", "label"] + [f"field{number}" for number in range(5)]},
        "LABEL_FIELD": "label", "train_neg_sample_args": None, "metrics": ["AUC"], "valid_metric": "AUC",
        "eval_args": {"split": {"RS": [0.98, 0.01, 0.01]}, "order": "RO", "mode": "labeled", "group_by": None}})
else:
    config = Config(model="SASRec", config_dict=common | {
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]}, "train_neg_sample_args": None,
        "metrics": ["NDCG", "Hit"], "topk": [10], "valid_metric": "NDCG@10",
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full", "group_by": "user"}})
dataset = create_dataset(config)
train, valid, test = data_preparation(config, dataset)
model = (DeepFM if mode == "deepfm" else SASRec)(config, train.dataset)
trainer = Trainer(config, model)
clock, losses = [], []
if mode == "ranking":
    trainer.eval_collector.data_collect(train)  # as fit does before it trains
    for _ in range(steps):
        begin = time.perf_counter()
        trainer.evaluate(test, load_best_model=False, show_progress=False)
        clock.append(time.perf_counter() - begin)
else:
    model.train()
    while len(clock) < steps:
        begin = time.perf_counter()
        for batch in train:
            trainer.optimizer.zero_grad()
            loss = model.calculate_loss(batch)
            loss.backward()
            trainer.optimizer.step()
            losses.append(loss.item())
            clock.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            if len(clock) == steps:
                break
print(json.dumps({"seconds": clock, "losses": losses, "peakBytes": peak_bytes(), "threads": torch.get_num_threads()}))
