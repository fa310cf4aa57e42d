"""The steps of one pass over sentences as unsupervised SimCSE, as sentence-transformers' own example has it
(examples/sentence_transformer/unsupervised_learning/SimCSE): MultipleNegativesRankingLoss on each sentence beside itself, AdamW.

--mode trainer is SentenceTransformerTrainer, loop the same steps without what it does beside them.
"""

import itertools
import tempfile
import time

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.losses import MultipleNegativesRankingLoss
from transformers import PrinterCallback, TrainerCallback

import sentences

BATCH, UNCOUNTED, LEARNING_RATE = 64, 2, 3e-5

args = sentences.arguments(__doc__)
model = sentences.open_encoder(args, sentences.TRAIN_LENGTH).train()
loss = MultipleNegativesRankingLoss(model)
steps = len(args.sentences) // BATCH
ends = []  # of the steps


def loop():
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01, fused=True)
    order = torch.randperm(len(args.sentences)).tolist()
    for batch in itertools.zip_longest(*[iter(order)] * BATCH):
        if None in batch:
            break
        texts = [args.sentences[i] for i in batch]
        with torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "bf16"):
            value = loss([model.preprocess(texts), model.preprocess(texts)], None)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        ends.append(time.perf_counter())


class Clock(TrainerCallback):
    def on_step_end(self, *_, **__):
        ends.append(time.perf_counter())


def trainer():
    with tempfile.TemporaryDirectory() as out:
        settings = SentenceTransformerTrainingArguments(
            output_dir=out, num_train_epochs=1, per_device_train_batch_size=BATCH, dataloader_drop_last=True, learning_rate=LEARNING_RATE,
            weight_decay=0.01, bf16=args.precision == "bf16", use_cpu=True, save_strategy="no", logging_strategy="no", report_to=[], disable_tqdm=True,
        )
        pairs = Dataset.from_dict({"anchor": args.sentences, "positive": args.sentences})
        run = SentenceTransformerTrainer(model=model, args=settings, train_dataset=pairs, loss=loss, callbacks=[Clock()])
        run.remove_callback(PrinterCallback)  # The result is all that is printed.
        run.train()


{"trainer": trainer, "loop": loop}[args.mode or "loop"]()
counted = len(ends) - UNCOUNTED
sentences.report(f"step of {BATCH} sentences, {counted} steps", (ends[-1] - ends[UNCOUNTED - 1]) / counted, BATCH)
