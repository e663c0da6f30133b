"""Their weights in our classes and ours in theirs: bit by bit, and every mistake by its name."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer as Trained
from tokenizers import models
from tokenizers.implementations import ByteLevelBPETokenizer
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig

from gptcore import GPT, Block, GPTConfig, resources
from gptcore.data import Batches, TokenDataset, play
from gptcore.pretrained import __main__ as command
from gptcore.pretrained import from_weights, load, reference, save, to_weights
from gptcore.pretrained.vocabulary import OwnTokenizer, tokenizer_of
from gptcore.tokenizer import byte_tokenizer, decode, gpt2_tokenizer
from gptcore.train import TrainConfig, train
from gptcore.verify import verify

SMALL = GPTConfig(block_size=16, vocab_size=257, n_layer=3, n_head=4, n_embd=32)


def their_model(config: GPTConfig) -> Any:
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.block_size,
            n_embd=config.n_embd,
            n_layer=config.n_layer,
            n_head=config.n_head,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    for name, weight in theirs.named_parameters():
        if name.endswith("bias"):  # zero at first: a bias left out would not show
            nn.init.normal_(weight, std=0.02)
    return theirs.eval()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as `transformers` writes it."""
    their_model(SMALL).save_pretrained(tmp_path / "theirs")
    return tmp_path / "theirs"


def logits(model: nn.Module, idx: Tensor) -> Tensor:
    with torch.no_grad():
        output = model(idx)
    return output[0] if isinstance(output, tuple) else output.logits


def test_at_full_size_both_directions_are_the_same_function(tmp_path: Path) -> None:
    theirs = their_model(GPTConfig.gpt2())
    theirs.save_pretrained(tmp_path / "theirs")
    ours = load(tmp_path / "theirs")
    save(ours, tmp_path / "back")
    back = GPT2LMHeadModel.from_pretrained(tmp_path / "back")
    for name, weight in theirs.state_dict().items():
        assert torch.equal(back.state_dict()[name], weight), name
    report = verify(ours, theirs)
    assert report.parameters == 124_439_808
    assert report.difference_float64 < 1e-12
    assert report.passed


@settings(max_examples=15, deadline=None)
@given(
    st.builds(
        lambda heads, size, **rest: GPTConfig(n_head=heads, n_embd=heads * size, **rest),
        heads=st.integers(1, 4),
        size=st.integers(1, 8),
        n_layer=st.integers(1, 3),
        block_size=st.integers(1, 12),
        vocab_size=st.integers(2, 40),
    )
)
def test_any_size_there_and_back(config: GPTConfig) -> None:
    theirs = their_model(config)
    ours = from_weights(theirs.state_dict(), config).double()
    idx = torch.arange(2 * config.block_size).view(2, -1) % config.vocab_size
    assert torch.allclose(logits(ours, idx), logits(theirs.double(), idx), rtol=0, atol=1e-12)
    for name, weight in to_weights(ours.float()).items():
        assert torch.equal(weight, theirs.float().state_dict()[name]), name


@pytest.mark.parametrize("name", ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"])
def test_the_four_sizes_map_without_a_rest(name: str) -> None:
    config = GPTConfig.named(name)
    with torch.device("meta"):
        theirs = their_model(config)
        ours = from_weights(dict(theirs.named_parameters()), config, device="meta")
    sizes = [sum(w.numel() for w in model.parameters()) for model in (ours, theirs)]
    assert sizes[0] == sizes[1]


def without_prefix(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("transformer."): weight for name, weight in weights.items()}


def with_masks(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    masks = {
        f"h.{layer}.attn.{name}": torch.ones(1, 1, 16, 16)
        for layer in range(SMALL.n_layer)
        for name in ("bias", "masked_bias")
    }
    return without_prefix(weights) | masks


def with_head(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return weights | {"lm_head.weight": weights["transformer.wte.weight"].clone()}


LAYOUTS = [dict, without_prefix, with_masks, with_head]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_layouts_and_files_that_were_published(
    folder: Path, layout: Callable[[Any], dict[str, Tensor]], file: str
) -> None:
    expected = load(folder).state_dict()
    weights = layout(load_file(folder / "model.safetensors"))
    (folder / "model.safetensors").unlink()
    if file.endswith("bin"):
        torch.save(weights, folder / file)
    else:
        save_file(weights, folder / file)
    for source in (folder, folder / file):
        model = load(source)
        assert model.lm_head.weight is model.transformer.wte.weight
        assert not model.training
        for name, weight in model.state_dict().items():
            assert torch.equal(weight, expected[name]), name


def test_a_file_of_pytorch_before_1_6(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    torch.save(weights, folder / "old.bin", _use_new_zipfile_serialization=False)
    for name, weight in to_weights(load(folder / "old.bin")).items():
        assert torch.equal(weight, weights[name]), name


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_cut_anywhere_is_called_damaged(tmp_path: Path, zipped: bool) -> None:
    config, path = GPTConfig(8, 9, 1, 1, 4), tmp_path / "model.bin"
    torch.save(to_weights(GPT(config)), path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for kept in range(0, len(whole), 97):
        path.write_bytes(whole[:kept])
        with pytest.raises(ValueError, match=r"is damaged or cut short|is empty"):
            load(path, config)


@pytest.mark.filterwarnings("ignore:.*TorchScript:UserWarning")
def test_nothing_unsafe_is_advised_of_what_torch_refuses(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("model/constants.pkl", "model/data.pkl", "model/version"):
            archive.writestr(name, "3")
    with pytest.raises(ValueError, match="TorchScript archives") as told:
        load(path, SMALL)
    assert "Re-running" not in str(told.value)
    assert "PyTorch 2.6" not in str(told.value)


def test_weights_among_other_things_are_pointed_at(tmp_path: Path) -> None:
    model, path = GPT(SMALL), tmp_path / "ckpt.pt"
    state = {"model": model.state_dict(), "iter_num": 3, "random": torch.zeros(9)}
    torch.save(state, path)
    said = "is no state dict, a tensor for each name; its 'model' is one: take that alone"
    with pytest.raises(ValueError, match=f"ckpt.pt {said}"):
        load(path, SMALL)
    with pytest.raises(ValueError, match=said):
        from_weights(state, SMALL)  # type: ignore[arg-type]
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match=r"ckpt\.pt is no state dict, a tensor for each name$"):
        load(path, SMALL)
    with pytest.raises(ValueError, match=r"is a whole model; pass its state_dict\(\)"):
        from_weights(model, SMALL)  # type: ignore[arg-type]


PREFIXES = ["", "_orig_mod.", "module.", "module._orig_mod."]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("bias", [True, False])
def test_nanogpt_s_checkpoint_loads(tmp_path: Path, prefix: str, bias: bool) -> None:
    config = dataclasses.replace(SMALL, bias=bias, dropout=0.2)
    model, path = GPT(config), tmp_path / "ckpt.pt"
    weights = model.state_dict() | {
        f"transformer.h.{i}.attn.bias": torch.ones(1, 1, 16, 16) for i in range(3)
    }
    state = {
        "model": {prefix + name: weight for name, weight in weights.items()},
        "optimizer": {},
        "model_args": dataclasses.asdict(config),
        "iter_num": 3,
        "best_val_loss": torch.tensor(2.0),
        "config": {"dataset": "shakespeare", "n_layer": 99},
    }
    torch.save(state, path)
    loaded = load(path)
    assert loaded.config == config
    assert loaded.lm_head.weight is loaded.transformer.wte.weight
    for name, weight in loaded.state_dict().items():
        assert torch.equal(weight, model.state_dict()[name]), name
    assert verify(loaded, reference(path)).passed


@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefixes_of_wrappers_are_taken_off(folder: Path, prefix: str) -> None:
    expected = load(folder).state_dict()
    weights = load_file(folder / "model.safetensors")
    save_file({prefix + n: w for n, w in weights.items()}, folder / "model.safetensors")
    loaded = load(folder)
    for name, weight in loaded.state_dict().items():
        assert torch.equal(weight, expected[name]), name
    assert verify(loaded, reference(folder)).passed


def test_a_whole_pickled_model_is_called_one(tmp_path: Path) -> None:
    torch.save(GPT(SMALL), tmp_path / "model.pt")
    said = r"whole pickled object, with gptcore\.model\.GPT in it, .*; save model.state_dict\(\)"
    with pytest.raises(ValueError, match=said):
        load(tmp_path / "model.pt", SMALL)


WTE = "transformer.wte.weight"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 548105171\n"


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "config.json"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (POINTER, "is a pointer of git-lfs; get the file itself by `git lfs pull`"),
        (b"", "is empty; fetch it again"),
        (b"<!DOCTYPE html><html>", "is a web page; fetch the file that it shows"),
    ],
)
def test_what_stands_in_the_place_of_a_file_is_told(
    folder: Path, name: str, content: bytes, said: str
) -> None:
    if name == "pytorch_model.bin":
        (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} {said}"):
        load(folder)


def test_a_file_under_the_other_format_s_name_is_told(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").rename(folder / "weights.bin")
    with pytest.raises(ValueError, match=r"in the format of safetensors; name it \.safetensors"):
        load(folder / "weights.bin")
    torch.save(weights, folder / "weights.safetensors")
    with pytest.raises(ValueError, match=r"is in torch's format; name it \.pt"):
        load(folder / "weights.safetensors")


@pytest.mark.parametrize("length", [0x0280, int.from_bytes(b"PK", "little")])
def test_a_length_of_a_header_is_not_taken_for_a_format(tmp_path: Path, length: int) -> None:
    path = tmp_path / "model.safetensors"
    text = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(length.to_bytes(8, "little") + text.ljust(length) + b"\0" * 4)
    with pytest.raises(ValueError, match="it holds a, and none of"):
        load(path, SMALL)


def test_a_config_without_model_type_is_taken_where_all_else_is_gpt2_s(folder: Path) -> None:
    expected, path = load(folder), folder / "config.json"
    found = json.loads(path.read_text())
    del found["model_type"]
    path.write_text(json.dumps(found))
    assert load(folder).config == expected.config
    path.write_text(json.dumps(found | {"activation_function": "relu"}))
    with pytest.raises(ValueError, match="activation_function 'relu'"):
        load(folder)


def test_a_model_in_several_files(tmp_path: Path) -> None:
    theirs = their_model(SMALL)
    theirs.save_pretrained(tmp_path, max_shard_size="50KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    for name, weight in to_weights(load(tmp_path)).items():
        assert torch.equal(weight, theirs.state_dict()[name]), name


def test_a_loaded_model_does_not_hang_on_its_file(folder: Path) -> None:
    model = load(folder)
    before = model.lm_head.weight.clone()
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(100)
    assert torch.equal(model.lm_head.weight, before)


def test_weights_come_in_the_dtype_asked_for(folder: Path) -> None:
    assert load(folder).lm_head.weight.dtype == torch.float32
    assert {w.dtype for w in load(folder, dtype=torch.bfloat16).parameters()} == {torch.bfloat16}


def test_a_loaded_model_can_be_trained(folder: Path) -> None:
    model = load(folder)
    idx = torch.zeros(1, 4, dtype=torch.int64)
    model(idx, idx)[1].backward()
    assert all(weight.grad is not None for weight in model.parameters())


MEMORY = """
import resource, sys, threading, time
import gptcore.pretrained as pretrained
import torch

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()

pretrained.load(sys.argv[2])  # so that what the libraries load for themselves does not count
peak, over = resident(), threading.Event()
before = peak
def watch():
    global peak
    while not over.is_set():
        peak = max(peak, resident())
        time.sleep(0.0005)
watcher = threading.Thread(target=watch)
watcher.start()
model = pretrained.load(sys.argv[1])
over.set()
watcher.join()
print(peak - before, sum(w.nbytes for w in model.parameters()), model.lm_head.weight.nbytes)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_loading_needs_the_weights_once_and_one_tensor_more(tmp_path: Path) -> None:
    config = GPTConfig(block_size=64, vocab_size=8000, n_layer=12, n_head=8, n_embd=512)
    torch.manual_seed(0)
    save(GPT(config), tmp_path / "large")
    save(GPT(SMALL), tmp_path / "small")
    command = [sys.executable, "-c", MEMORY, tmp_path / "large", tmp_path / "small"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=offline())
    grown, weights, largest = map(int, done.stdout.split())
    assert grown < weights + largest + 8e6, f"{grown:,} for {weights:,}"


def offline() -> dict[str, str]:
    return dict(os.environ, OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")


def edited(edit: Callable[[dict[str, Tensor]], object]) -> Callable[[Path], Path]:
    """A fault in the weights."""

    def spoil(folder: Path) -> Path:
        weights = load_file(folder / "model.safetensors")
        edit(weights)
        save_file(weights, folder / "model.safetensors")
        return folder

    return spoil


def configured(**changes: Any) -> Callable[[Path], Path]:
    """A fault in config.json."""

    def spoil(folder: Path) -> Path:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        return folder

    return spoil


def written(name: str, text: str) -> Callable[[Path], Path]:
    """A fault in a JSON file; an index is what is left of the weights."""

    def spoil(folder: Path) -> Path:
        if name != "config.json":
            (folder / "model.safetensors").unlink()
        (folder / name).write_text(text)
        return folder

    return spoil


def in_utf_16(folder: Path) -> Path:
    path = folder / "config.json"
    path.write_text(path.read_text(), encoding="utf-16")
    return folder


def cut(folder: Path) -> Path:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    return path


def cut_pickle(folder: Path) -> Path:
    path = folder / "pytorch_model.bin"
    torch.save(load_file(folder / "model.safetensors"), path)
    path.write_bytes(path.read_bytes()[:-1000])
    return path


def without(name: str) -> Callable[[Path], Path]:
    def spoil(folder: Path) -> Path:
        (folder / name).unlink()
        return folder

    return spoil


def alone(folder: Path) -> Path:
    (folder / "config.json").unlink()
    return folder / "model.safetensors"


def another_model(folder: Path) -> Path:
    LlamaConfig(num_hidden_layers=1, hidden_size=8, num_attention_heads=1).save_pretrained(folder)
    return folder


def another_file(folder: Path) -> Path:
    path = folder / "model.txt"
    path.write_text("hello")
    return path


def alone_and_foreign(folder: Path) -> Path:
    path = alone(folder)
    save_file({"model.norm.weight": torch.zeros(8)}, path)
    return path


INDEX = "model.safetensors.index.json"
H = "transformer.h.1."
FC = torch.zeros(32, 127)
FAULTS = {
    "missing": (
        edited(lambda w: w.pop(H + "attn.c_attn.weight")),
        r"model.safetensors: transformer.h.1.attn.c_attn.weight is missing",
    ),
    "missing position": (
        edited(lambda w: w.pop("transformer.wpe.weight")),
        "transformer.wpe.weight is missing",
    ),
    "missing layer": (
        edited(lambda w: [w.pop(name) for name in list(w) if ".h.2." in name]),
        r"transformer.h.2.ln_1.weight \(and 11 more\) is missing",
    ),
    "unexpected": (
        edited(lambda w: w.update({H + "attn.q_norm.weight": FC})),
        "transformer.h.1.attn.q_norm.weight has no place in 3 layers of a GPT-2",
    ),
    "one unit too few": (
        edited(lambda w: w.update({H + "mlp.c_fc.weight": FC})),
        r"transformer.h.1.mlp.c_fc.weight has shape \(32, 127\), .* is \(32, 128\)$",
    ),
    "transposed": (
        edited(lambda w: w.update({H + "mlp.c_fc.weight": torch.zeros(128, 32)})),
        "it is transposed, as in a state dict of nn.Linear: use load_state_dict",
    ),
    "untied": (
        edited(lambda w: w.update({"lm_head.weight": torch.zeros(257, 32)})),
        "lm_head.weight differs from wte.weight",
    ),
    "there twice": (
        edited(lambda w: w.update({"wpe.weight": torch.zeros(16, 32)})),
        "transformer.wpe.weight is there twice, as ",
    ),
    "other names": (
        edited(lambda w: (w.clear(), w.update({"model.norm.weight": FC}))),
        "is not a GPT-2: it holds model.norm.weight, and none of wte.weight",
    ),
    "config of other sizes": (
        configured(n_layer=2),
        r"transformer.h.2.* \(and 11 more\) has no place in 2 layers",
    ),
    "exact GELU": (
        configured(activation_function="gelu"),
        "activation_function 'gelu', and GPT-2 'gelu_",
    ),
    "another epsilon": (configured(layer_norm_epsilon=1e-6), "layer_norm_epsilon 1e-06"),
    "unscaled scores": (
        configured(scale_attn_weights=False),
        "scale_attn_weights False, and GPT-2 True",
    ),
    "scores scaled by depth": (
        configured(scale_attn_by_inverse_layer_idx=True),
        "by_inverse_layer_idx True, and GPT-2 False",
    ),
    "cross attention": (
        configured(add_cross_attention=True),
        "add_cross_attention True, and GPT-2 False",
    ),
    "untied by config": (
        configured(tie_word_embeddings=False),
        "tie_word_embeddings False, and GPT-2 True",
    ),
    "another width inside": (configured(n_inner=64), "n_inner 64, and GPT-2 128"),
    "no size": (configured(n_head=None), "theirs: in config.json n_head None is no count"),
    "no width": (configured(n_embd=None), "n_embd None is no count"),
    "config cut short": (written("config.json", '{"n_embd'), "config.json is no JSON: Unterm"),
    "config of no object": (written("config.json", "[]"), "config.json is no JSON object"),
    "config nested without end": (written("config.json", "[" * 100_000), "no JSON: .*recursion"),
    "config in UTF-16": (in_utf_16, "config.json is no JSON: .*codec can't decode"),
    "index cut short": (written(INDEX, '{"weight_m'), "index.json is no JSON: Unterminated"),
    "index of no object": (written(INDEX, "[]"), "index.json is no JSON object"),
    "empty index": (written(INDEX, "{}"), "index.json has no weight_map"),
    "index of no names": (written(INDEX, '{"weight_map": {"a": 3}}'), "has no weight_map"),
    "another model": (another_model, "is not a GPT-2: its config.json says 'llama'"),
    "no config": (without("config.json"), "has no config.json"),
    "no weights": (without("model.safetensors"), "has none of model.safetensors, "),
    "no config beside a file": (alone, "3 layers of width 32 are no published GPT-2; pass config"),
    "another model's file": (alone_and_foreign, "is not a GPT-2: it has no h.0.ln_1.weight"),
    "cut short": (cut, r"model.safetensors is damaged or cut short \(.*\); fetch it again"),
    "cut pickle": (cut_pickle, r"pytorch_model.bin is damaged or cut short \(.*\); fetch it again"),
    "no weight file": (another_file, "model.txt is no weight file; known are .safetensors"),
}


@pytest.mark.parametrize(("spoil", "said"), FAULTS.values(), ids=FAULTS)
def test_a_mistake_is_refused_by_name(
    folder: Path, spoil: Callable[[Path], Path], said: str
) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        load(spoil(folder))


REFUSED = {
    "dropout of no number": configured(attn_pdrop=None),
    "quantized by a library": configured(
        quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True}
    ),
    "a dtype of no name": configured(dtype="nonsense"),
    "an id of no number": configured(pad_token_id="x"),
}


@pytest.mark.parametrize("spoil", REFUSED.values(), ids=REFUSED)
def test_what_transformers_refuses_is_told_in_a_line(
    folder: Path, spoil: Callable[[Path], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(folder)
    capsys.readouterr()
    assert command.main([str(folder)]) == 2
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 1
    assert printed[0].startswith(f"error: transformers can't load {folder}: ")


def with_a_mark(folder: Path) -> Path:
    path = folder / "config.json"
    path.write_text(path.read_text(), encoding="utf-8-sig")
    return folder


TAKEN = {
    "tuples asked for": configured(return_dict=False),
    "attention asked for": configured(output_attentions=True),
    "a kernel that is not here": configured(_attn_implementation="flash_attention_2"),
    "a mark of UTF-8": with_a_mark,
}


@pytest.mark.parametrize("spoil", TAKEN.values(), ids=TAKEN)
def test_what_is_no_matter_of_the_function_is_taken(
    folder: Path, spoil: Callable[[Path], Path]
) -> None:
    spoil(folder)
    for source in (folder, folder / "model.safetensors"):
        assert verify(load(source), reference(source)).passed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w.update({0: torch.zeros(2)}), "is no state dict, a tensor for each name"),
        (
            lambda w: w.update({WTE: w[WTE].to_sparse()}),
            r"wte\.weight is in torch\.sparse_coo; save it as to_dense\(\) gives it",
        ),
        (lambda w: w.update({WTE: w[WTE].to("meta")}), r"wte\.weight is on the meta device"),
        (lambda w: w[WTE].fill_(torch.nan), r"wte\.weight holds nan"),
    ],
    ids=["int", "sparse", "meta", "nan"],
)
def test_weights_of_no_numbers_are_refused_by_name(
    change: Callable[[dict[Any, Tensor]], Any], said: str
) -> None:
    weights = their_model(SMALL).state_dict()
    change(weights)
    with pytest.raises(ValueError, match=said):
        from_weights(weights, SMALL)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is missing"):
        load(tmp_path / "model.safetensors")
    with pytest.raises(FileNotFoundError, match="no folder, no file and no model on the hub"):
        load(tmp_path / "nothing")


def test_a_config_that_contradicts_the_file(folder: Path) -> None:
    other = GPTConfig(block_size=16, vocab_size=257, n_layer=3, n_head=8, n_embd=32)
    with pytest.raises(ValueError, match="has n_head 4, and the config given 8"):
        load(folder, other)


def test_a_file_alone_with_its_config(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert load(folder / "model.safetensors", SMALL).config == SMALL


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda: GPT(GPTConfig(8, 9, 1, 1, 4, bias=False)), "bias=False"),
        (lambda: untied(GPT(GPTConfig(8, 9, 1, 1, 4))), "is not tied"),
    ],
    ids=["no biases", "untied"],
)
def test_what_their_layout_cannot_say_is_not_written(
    tmp_path: Path, spoil: Callable[[], GPT], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        save(spoil(), tmp_path)
    assert not list(tmp_path.iterdir())


class Louder(Block):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 2


class Described(GPT):
    def describe(self) -> str:
        return "a GPT"


def first_block(model: GPT) -> Any:
    return model.transformer.h[0]


def wider_vocabulary(model: GPT) -> None:
    weight = nn.Parameter(torch.zeros(320, SMALL.n_embd))
    model.transformer.wte.weight = model.lm_head.weight = weight


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda m: setattr(first_block(m), "__class__", Louder),
            r"h\.0 computes otherwise .*Louder",
        ),
        (lambda m: setattr(m, "forward", lambda *_: None), "GPT computes otherwise"),
        (lambda m: setattr(first_block(m).mlp, "gelu", nn.ReLU()), r"gelu computes .*, as ReLU"),
        (
            lambda m: setattr(first_block(m).mlp, "gelu", nn.GELU()),
            r"approximate is none, and in GPT",
        ),
        (lambda m: setattr(m.transformer, "ln_f", nn.RMSNorm(32)), r"ln_f computes .*, as RMSNorm"),
        (lambda m: setattr(first_block(m).ln_1, "eps", 0.1), r"ln_1\.eps is 0\.1, and in GPT-2"),
        (
            lambda m: setattr(first_block(m).attn, "n_head", 2),
            r"attn\.n_head is 2, and in GPT-2 .* 4",
        ),
        (
            lambda m: setattr(m, "lm_head", nn.Sequential(m.lm_head)),
            "lm_head computes otherwise than in GPT-2, as Sequential",
        ),
        (lambda m: m.transformer.h.append(Block(SMALL)), r"h\.3 is no part of GPT-2"),
        (lambda m: m.transformer.h.pop(1), r"h\.2 is missing"),
        (
            lambda m: setattr(
                first_block(m).attn, "c_attn", nn.Sequential(first_block(m).attn.c_attn)
            ),
            r"c_attn computes otherwise than in GPT-2, as Sequential",
        ),
        (
            lambda m: m.register_parameter("gain", nn.Parameter(torch.ones(2))),
            "gain is .*not there",
        ),
        (wider_vocabulary, r"wte\.weight is \(320, 32\), and in GPT-2 .* \(257, 32\)"),
    ],
)
def test_a_model_that_would_be_another_when_loaded_is_not_written(
    change: Callable[[GPT], Any], said: str, tmp_path: Path
) -> None:
    model = GPT(SMALL)
    change(model)
    with pytest.raises(ValueError, match=said):
        save(model, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_changes_nothing_that_is_computed_may_be_saved(tmp_path: Path) -> None:
    model = Described(SMALL).half()
    first_block(model).register_forward_hook(lambda *_: None)  # as one watches a run
    first_block(model).compile(backend="eager")
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.5
    save(model, tmp_path)
    again = load(tmp_path).state_dict()
    assert all(torch.equal(again[name], weight) for name, weight in model.state_dict().items())


@pytest.mark.parametrize("dtype", ["float32", "auto", torch.int8, torch.bool])
def test_a_dtype_that_weights_cannot_have_is_refused(folder: Path, dtype: Any) -> None:
    with pytest.raises(TypeError, match=r"is none for weights; use torch\.float32"):
        load(folder, dtype=dtype)


def test_what_nobody_said_is_not_written(tmp_path: Path) -> None:
    save(GPT(dataclasses.replace(SMALL, vocab_size=50257, dropout=0.3)), tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert not {"bos_token_id", "eos_token_id"} & written.keys()
    assert written["resid_pdrop"] == 0.3
    assert not (tmp_path / "generation_config.json").exists()


def test_no_id_ends_a_text_in_a_vocabulary_without_theirs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    save(GPT(SMALL), tmp_path)
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path)
    assert (theirs.config.bos_token_id, theirs.config.eos_token_id) == (None, None)
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


def test_what_came_in_goes_out_field_by_field(folder: Path, tmp_path: Path) -> None:
    files = {
        "config.json": {
            "attn_pdrop": 0.25,
            "embd_pdrop": 0.5,
            "bos_token_id": 7,
            "eos_token_id": 9,
            "summary_type": "mean",
            "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
            "something_of_theirs": [1, {"a": None}],
        },
        "generation_config.json": {"eos_token_id": [9, 11], "temperature": 0.7},
    }
    for name, more in files.items():
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | more))
    for source in (folder, folder / "model.safetensors"):
        save(load(source), tmp_path / "back")
        for name in files:
            came, went = (json.loads((f / name).read_text()) for f in (folder, tmp_path / "back"))
            assert came == went
    save(load(folder, dtype=torch.bfloat16), tmp_path / "back")
    assert json.loads((tmp_path / "back/config.json").read_text())["dtype"] == "bfloat16"
    (folder / "generation_config.json").unlink()
    save(load(folder), tmp_path / "without")
    assert not (tmp_path / "without" / "generation_config.json").exists()


def test_a_compiled_or_wrapped_model_is_saved_as_what_is_within(tmp_path: Path) -> None:
    model = GPT(SMALL)
    save(torch.compile(model, backend="eager"), tmp_path)  # type: ignore[arg-type]
    for name, weight in load(tmp_path).state_dict().items():
        assert torch.equal(weight, model.state_dict()[name]), name
    with pytest.raises(ValueError, match="Linear is no GPT; save its state_dict"):
        save(nn.Linear(1, 1), tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [SafetensorError("No space left"), OSError(28, "No space left")])
def test_a_folder_that_cannot_be_written_whole_stays_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(_: Any, path: Path, __: Any) -> None:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr("gptcore.pretrained.convert.save_file", full)
    with pytest.raises(
        OSError, match=r"^cannot write \S+model\.safetensors: [^;]*No space"
    ) as told:
        save(GPT(SMALL), folder)
    assert str(told.value).count("cannot write") == 1  # of the one file that it was
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "model.safetensors"])
def test_where_one_file_cannot_be_written_none_is(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / "generation_config.json").write_text("{}")
    target = tmp_path / "target"
    save(load(folder), target)
    (target / name).unlink()
    (target / name).mkdir()
    before = {path.name: path.read_bytes() for path in target.iterdir() if path.is_file()}
    model = load(folder)
    model.lm_head.weight.data += 1
    with pytest.raises(OSError, match=f"{name}: it is a folder"):
        save(model, target)
    assert {p.name: p.read_bytes() for p in target.iterdir() if p.is_file()} == before


@pytest.mark.parametrize("error", [OSError(16, "Device or resource busy"), KeyboardInterrupt()])
@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "model.safetensors"])
@pytest.mark.parametrize("links", [True, False])
def test_where_one_file_cannot_take_its_place_the_others_give_theirs_back(
    folder: Path, name: str, error: BaseException, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a single file that a container has mounted, or one that nobody may change."""
    (folder / "generation_config.json").write_text("{}")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    model = load(folder)
    model.lm_head.weight.data += 1
    model.came = dataclasses.replace(model.came, generation={"eos_token_id": 1})
    replace = os.replace

    def busy(source: Path, target: Path) -> None:
        if Path(target).name == name:
            raise error
        replace(source, target)

    def no_links(*_: Any) -> None:
        raise OSError("Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr("gptcore.files.os.replace", busy)
        if not links:
            patch.setattr("gptcore.files.os.link", no_links)
        with pytest.raises(type(error)):
            save(model, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_holds_nothing_of_the_model_that_was_there_before(folder: Path) -> None:
    (folder / "generation_config.json").write_text('{"eos_token_id": 5}')
    save(GPT(SMALL), folder)
    assert load(folder).came.generation is None


def test_an_adapter_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ValueError, match="holds an adapter and not the model that it changes"):
        load(tmp_path)


def untied(model: GPT) -> GPT:
    model.lm_head.weight = nn.Parameter(model.lm_head.weight.clone())
    return model


def test_without_a_network_the_command_says_what_to_do() -> None:
    command = [sys.executable, "-m", "gptcore.pretrained", "nobody/no-such-gpt2"]
    done = subprocess.run(command, capture_output=True, text=True, env=offline())
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1] == (
        "error: nobody/no-such-gpt2 is not in the cache, and the hub is out of reach; connect "
        "once, or pass a folder that holds config.json and model.safetensors"
    )


def test_the_command_loads_verifies_and_generates(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for source in (folder, folder / "model.safetensors"):
        assert command.main([str(source), "--prompt", "To be", "--max-new-tokens", "20"]) == 0
        printed = capsys.readouterr().out
        assert "the same function      yes" in printed
        assert "To be" in printed
        greedy = ["--max-new-tokens", "20", "--temperature", "0"]
        command.main([str(source), "--prompt", "To be", *greedy])
        assert capsys.readouterr().out == printed  # greedy unless something else is asked for


def test_the_command_writes_as_long_and_as_wildly_as_it_is_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def written(*options: str) -> str:
        assert command.main([str(folder), "--prompt", "To be", *options]) == 0
        return capsys.readouterr().out.partition("\n\n")[2]

    assert written("--max-new-tokens", "0") == "To be\n"
    assert written("--temperature", "9") != written()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--prompt", "", "--prompt is empty; give at least one character"),
        ("--stop", "", "--stop is empty; give at least one character"),
        ("--max-new-tokens", "-1", "--max-new-tokens -1 is no count"),
        ("--temperature", "-1", "temperature -1.0 is not 0 or above"),
        ("--temperature", "nan", "temperature nan is not 0 or above"),
    ],
)
def test_the_command_refuses_an_argument_before_it_loads(
    option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(["nowhere", option, value])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("count", [10**20, 10**17])
def test_the_command_refuses_more_than_memory_holds(
    folder: Path, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(folder), "--max-new-tokens", str(count)]) == 2
    assert f"error: max_new_tokens {count} are more than memory" in capsys.readouterr().err


def test_the_command_can_be_interrupted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "reference", stopped)
    assert command.main([str(folder)]) == 130
    assert capsys.readouterr().err.endswith("interrupted\n")


def bpe(folder: Path, size: int, whole: bool = True) -> ByteLevelBPETokenizer:
    """A small tokenizer, in the folder as `transformers` writes it or in the older two files."""
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator([play()], size, show_progress=False)
    folder.mkdir(exist_ok=True)
    if whole:
        trained.save(str(folder / "tokenizer.json"))
    else:
        trained.save_model(str(folder))
    return trained


@pytest.mark.parametrize("whole", [True, False], ids=["tokenizer.json", "vocab and merges"])
@pytest.mark.parametrize("vocab_size", [300, 384])
def test_the_command_uses_the_folder_s_own_tokenizer(
    tmp_path: Path, whole: bool, vocab_size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    model = GPT(dataclasses.replace(SMALL, vocab_size=vocab_size))
    save(model, tmp_path)
    trained = bpe(tmp_path, 300, whole)
    assert command.main([str(tmp_path), "--prompt", "The tide ", "--max-new-tokens", "9"]) == 0
    idx = torch.tensor([trained.encode("The tide ").ids])
    expected = model.generate(idx, 9, temperature=0, tokenizer=own(trained))
    printed = capsys.readouterr().out.partition("\n\n")[2]
    assert printed == trained.decode(expected[0].tolist(), skip_special_tokens=False) + "\n"


def own(trained: Any) -> OwnTokenizer:
    return OwnTokenizer("", Trained.from_str(trained.to_str()))


def test_a_tokenizer_neither_cuts_nor_pads_a_prompt(tmp_path: Path) -> None:
    trained = bpe(tmp_path, 300)
    expected = trained.encode("To be or not to be").ids
    trained.enable_truncation(4)
    trained.enable_padding(length=64)
    trained.save(str(tmp_path / "tokenizer.json"))  # as after a call with both
    assert tokenizer_of(tmp_path, 300).encode("To be or not to be") == expected


USER = {"content": "<|user|>", "special": True}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("added_tokens.json", {"<|user|>": 300, "<|bot|>": 301}),
        (
            "tokenizer_config.json",
            {"added_tokens_decoder": {"300": USER, "301": USER | {"content": "<|bot|>"}}},
        ),
        ("special_tokens_map.json", {"additional_special_tokens": ["<|user|>", "<|bot|>"]}),
    ],
)
def test_words_that_are_named_beside_vocab_and_merges_are_one_id_each(
    tmp_path: Path, name: str, content: Any
) -> None:
    trained = ByteLevelBPETokenizer()
    special = ["<|endoftext|>", "</s>"]
    trained.train_from_iterator([play()], 300, show_progress=False, special_tokens=special)
    trained.save_model(str(tmp_path))
    (tmp_path / name).write_text(json.dumps(content))
    found = tokenizer_of(tmp_path, 302)
    assert found.encode("<|user|><|endoftext|><|bot|>") == [300, 0, 301]
    assert found.n_vocab == 302
    assert found.encode("To be </w>") == trained.encode("To be </w>").ids
    (tmp_path / name).write_text("{}")
    assert tokenizer_of(tmp_path, 300).n_vocab == 300
    assert found.decode([300, *found.encode(" To be")]) == "<|user|> To be"


def linked_to_nothing(folder: Path) -> None:
    (folder / "tokenizer.json").symlink_to("../blobs/0")


def of_another_class(name: str, kind: str | None) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_text("the\nof\n")
        settings = {"tokenizer_class": kind} if kind else {}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))

    return write


def half(name: str, content: bytes | None) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        bpe(folder, 257, whole=False)
        (folder / name).unlink()
        if content is not None:
            (folder / name).write_bytes(content)

    return write


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (half("vocab.json", None), "vocab.json is missing"),
        (half("merges.txt", None), "merges.txt is missing"),
        (half("vocab.json", b""), "vocab.json is empty"),
        (half("merges.txt", b""), "merges.txt is empty"),
        (half("merges.txt", POINTER), "merges.txt is a pointer of git-lfs"),
        (half("merges.txt", b"<!DOCTYPE html>"), "merges.txt is a web page"),
        (half("vocab.json", b"[]"), "merges.txt is no tokenizer: "),
        (of_another_class("vocab.txt", "BertTokenizer"), "vocab.txt, a BertTokenizer; name its"),
        (of_another_class("vocab.txt", None), "not read here, vocab.txt; name its tokenizer.json"),
        (of_another_class("some.model", "T5Tokenizer"), "not read here, a T5Tokenizer; name its"),
        (linked_to_nothing, "tokenizer.json is missing"),
        (lambda folder: (folder / "tokenizer.json").mkdir(), "tokenizer.json is a folder"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "is no tokenizer: "),
        (lambda folder: (folder / "tokenizer.json").write_bytes(POINTER), "is a pointer of git-l"),
    ],
)
def test_a_tokenizer_that_is_not_read_is_told_and_no_other_taken(
    folder: Path, spoil: Callable[[Path], None], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(folder)
    capsys.readouterr()
    assert command.main([str(folder)]) == 2
    printed = capsys.readouterr().err.splitlines()[-1]
    assert printed.startswith("error: ")
    assert said in printed


@pytest.mark.parametrize("settings", [{}, {"tokenizer_class": "GPT2Tokenizer"}])
def test_a_folder_that_only_names_gpt2_s_tokenizer_has_a_known_one(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    assert tokenizer_of(tmp_path, 257).name == "bytes"


@pytest.mark.parametrize("model", [models.Unigram([("x", -1.0)]), models.WordLevel({"x": 0})])
def test_a_text_that_a_tokenizer_has_no_ids_for_is_told(tmp_path: Path, model: Any) -> None:
    Trained(model).save(str(tmp_path / "tokenizer.json"))
    found = tokenizer_of(tmp_path, 1)
    for text in ("To be", "\udcff"):
        with pytest.raises(ValueError, match=r"tokenizer\.json can't encode the text: .*\S"):
            found.encode(text)


def test_a_tokenizer_may_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(GPT(dataclasses.replace(SMALL, vocab_size=300)), tmp_path / "model")
    given = [str(tmp_path / "model"), "--prompt", "The ", "--max-new-tokens", "1"]
    bpe(tmp_path / "other", 300)
    capsys.readouterr()
    renamed = tmp_path / "mine.json"
    shutil.copy(tmp_path / "other" / "tokenizer.json", renamed)
    bpe(tmp_path, 290)  # beside it lies another, which isn't meant
    bpe(tmp_path / "halves", 300, whole=False)
    capsys.readouterr()
    halves = tmp_path / "halves" / "vocab.json"
    for named in (tmp_path / "other", tmp_path / "other" / "tokenizer.json", renamed, halves):
        assert command.main([*given, "--tokenizer", str(named)]) == 0
    assert command.main([*given, "--tokenizer", str(tmp_path / "model")]) == 2
    assert "has no tokenizer.json, and no vocab.json with merges" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("vocab_size", "tokenizer", "said"),
    [
        (299, 300, "tokenizer.json has 300 ids and the model 299: it is the tokenizer of another"),
        (2000, 300, "tokenizer.json has 300 ids and the model 2000"),
        (65, None, "has a vocabulary of 65 and brings no tokenizer"),
        (2000, None, "has a vocabulary of 2000 and brings no tokenizer"),
    ],
)
def test_a_mismatch_is_told_before_any_text(
    tmp_path: Path,
    vocab_size: int,
    tokenizer: int | None,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save(GPT(dataclasses.replace(SMALL, vocab_size=vocab_size)), tmp_path)
    if tokenizer is not None:
        bpe(tmp_path, tokenizer)
    assert command.main([str(tmp_path), "--prompt", "To be"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("vocab_size", [257, 320, 50257, 50258, 50304])
def test_a_known_size_has_a_known_tokenizer_padded_or_not(
    vocab_size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptcore.pretrained.vocabulary.gpt2_tokenizer", lambda: "GPT-2's")
    monkeypatch.setattr("gptcore.pretrained.vocabulary.byte_tokenizer", lambda: "bytes")
    found = tokenizer_of(tmp_path, vocab_size)
    assert found == ("bytes" if vocab_size < 1000 else "GPT-2's")


@pytest.mark.parametrize("name", ["run.pt", "run", "run.ckpt"])
@pytest.mark.parametrize("beside", ["[1]", '{"lr": 3}'])
def test_the_command_samples_what_training_saved(
    tmp_path: Path, name: str, beside: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = GPT(SMALL)
    data = TokenDataset(byte_tokenizer().encode(play()[:2000]), 16)
    path = tmp_path / name
    list(train(model, Batches(data, 4), TrainConfig(2), checkpoint=path))
    (tmp_path / "config.json").write_text(beside)  # another's
    bpe(tmp_path, 257)
    capsys.readouterr()
    assert command.main([str(path), "--prompt", "To be", "--max-new-tokens", "20"]) == 0
    printed = capsys.readouterr().out
    assert "the same function      yes" in printed
    expected = model.generate(torch.tensor([list(b"To be")]), 20, temperature=0)[0]
    assert printed.endswith(decode(byte_tokenizer(), expected) + "\n")


def test_a_prompt_may_hold_the_end_of_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(GPT(SMALL), tmp_path)
    assert command.main([str(tmp_path), "--prompt", "<|endoftext|>", "--max-new-tokens", "0"]) == 0
    assert capsys.readouterr().out.endswith("\n<|endoftext|>\n")


def test_quantized_weights_are_refused_by_name(tmp_path: Path) -> None:
    weights = {name: weight.to(torch.int8) for name, weight in to_weights(GPT(SMALL)).items()}
    torch.save(weights, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"wte\.weight is in torch\.int8, as quantized"):
        load(tmp_path / "weights.pt", SMALL)


def test_the_command_ends_a_text_where_it_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(folder), "--prompt", "To be", "--max-new-tokens", "20", "--temperature", "5"]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        command.main(given)
    text = capsys.readouterr().out.partition("\n\n")[2]
    stop = next(letter for letter in text[5:] if letter.isascii() and letter.isprintable())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        command.main([*given, "--stop", stop])
    stopped = capsys.readouterr().out.partition("\n\n")[2]
    assert stopped == text[: text.index(stop, 5) + 1] + "\n"


def test_the_command_fails_where_the_models_differ(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = their_model(SMALL)
    nn.init.normal_(other.transformer.h[0].ln_1.weight)
    monkeypatch.setattr(command, "reference", lambda source: other)
    assert command.main([str(folder), "--max-new-tokens", "1"]) == 1


def test_the_reference_of_a_file_does_not_go_through_our_mapping(folder: Path) -> None:
    theirs = reference(folder / "model.safetensors")
    idx = torch.arange(16)[None]
    assert torch.equal(logits(theirs, idx), logits(their_model(SMALL), idx))


@pytest.mark.skipif(
    not resources.available("gpt2-weights"),
    reason="gpt2-weights: OpenAI's weights are not in the cache",
)
def test_the_published_weights_continue_as_published() -> None:
    model, tokenizer = load("gpt2"), gpt2_tokenizer()
    prompt = "Alan Turing theorized that computers would one day become"
    idx = torch.tensor([tokenizer.encode(prompt)])
    text = decode(tokenizer, model.generate(idx, 8, temperature=0)[0])
    assert text == prompt + " the most powerful machines on the planet."
