"""infer.py --model DIR: a sentence transformer of the kind BERT reads three sentences and says on
which host, and which of the last two it takes for the meaning of the first."""

import json
import os
import sys

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

ASKED = "A man is eating food."
OTHERS = ("The stock market fell sharply.", "Someone is having a meal.")


def normal(x, weights, name):
    middle = x.mean(-1, keepdims=True)
    spread = np.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return (x - middle) / spread * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def linear(x, weights, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def gelu(x):
    """By a series of erf that is good to 1.5e-7 (Abramowitz and Stegun 7.1.26)."""
    z = np.abs(x) / np.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return x * (1 + np.sign(x) * (1 - tail * np.exp(-z * z))) / 2


def attention(x, weights, layer, heads):
    length, width = x.shape
    query, key, value = (
        linear(x, weights, f"{layer}.attention.self.{name}").reshape(length, heads, -1).swapaxes(0, 1)
        for name in ("query", "key", "value")
    )
    scores = query @ key.swapaxes(1, 2) / np.sqrt(width / heads)
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    mixed = (shares @ value).swapaxes(0, 1).reshape(length, width)
    return linear(mixed, weights, f"{layer}.attention.output.dense")


def embed(ids, weights, config):
    words, places = (weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position"))
    x = words[ids] + places[: len(ids)] + weights["embeddings.token_type_embeddings.weight"][0]
    x = normal(x, weights, "embeddings.LayerNorm")
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        mixed = attention(x, weights, layer, config["num_attention_heads"])
        x = normal(x + mixed, weights, f"{layer}.attention.output.LayerNorm")
        inner = gelu(linear(x, weights, f"{layer}.intermediate.dense"))
        x = normal(x + linear(inner, weights, f"{layer}.output.dense"), weights, f"{layer}.output.LayerNorm")
    whole = x.mean(0)
    return whole / np.linalg.norm(whole)


def main():
    assert sys.argv[1] == "--model" and os.environ["HF_HUB_OFFLINE"] == "1"
    model = sys.argv[2]
    with open(f"{model}/config.json") as file:
        config = json.load(file)
    weights = load_file(f"{model}/model.safetensors")
    tokenizer = Tokenizer.from_file(f"{model}/tokenizer.json")
    tokenizer.no_padding()
    asked, *others = (embed(tokenizer.encode(text).ids, weights, config) for text in (ASKED, *OTHERS))
    likeness = [float(asked @ other) for other in others]
    best = OTHERS[likeness.index(max(likeness))]
    print(f"{os.uname().nodename} {model}: {best} {max(likeness):.2f} {min(likeness):.2f}", flush=True)


main()
