"""Programs that users of NNI's NAS interface wrote down, with our import paths.

The code stands as it was published, but for its layout and a missing comma. What it takes for
granted (data sets, layers, a network) is defined here, small.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import trial_api
from nas_tuners.contract.architecture import to_parameters, to_vector
from nas_tuners.contract.search_space import SearchSpace
from trial_api import InputChoice, LayerChoice, MutableScope
from trial_api.mutators import BaseMutator, Mutator
from trial_api.oneshot import DartsTrainer, EnasTrainer

CHANNELS, CLASSES, SIZE = 4, 2, 6


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    np.random.seed(0)


# What the programs take for granted.


class Net(nn.Module):
    """A network with every kind of choice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.layer1 = LayerChoice(
            {"conv3x3": _conv(3), "conv5x5": _conv(5)},
            key="layer1",
        )
        self.layer2 = LayerChoice([nn.Identity(), nn.ReLU(), nn.Tanh()])
        self.skip = InputChoice(choose_from=["layer1", InputChoice.NO_KEY], key="skip")
        self.head = nn.Linear(CHANNELS, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        stem = self.stem(x)
        first = self.layer1(stem)
        skipped = self.skip([first, stem])
        x = self.layer2(first)
        return self.head((x if skipped is None else x + skipped).mean((2, 3)))


def _conv(kernel: int) -> nn.Module:
    return nn.Conv2d(CHANNELS, CHANNELS, kernel, padding=kernel // 2)


def images(length: int = 16, *, seed: int = 0) -> TensorDataset:
    x = torch.randn(length, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(x, (x.mean((1, 2, 3)) > 0).long())


def CIFAR10(root, train, download, transform):  # noqa: N802 - as in torchvision
    return images(64 if train else 32, seed=int(train))


train_transform = valid_transform = None


class PoolBN(nn.Sequential):
    def __init__(self, pool_type, channels, kernel_size, stride, padding, affine=True):
        pool = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}[pool_type]
        super().__init__(
            pool(kernel_size, stride, padding), nn.BatchNorm2d(channels, affine=affine)
        )


class FactorizedReduce(nn.Sequential):
    def __init__(self, channels_in, channels_out, affine=True):
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 1, 2), nn.BatchNorm2d(channels_out, affine=affine)
        )


class DilConv(nn.Sequential):
    def __init__(
        self, channels_in, channels_out, kernel_size, stride, padding, dilation, affine=True
    ):
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel_size, stride, padding, dilation),
            nn.BatchNorm2d(channels_out, affine=affine),
        )


class SepConv(DilConv):
    def __init__(self, channels_in, channels_out, kernel_size, stride, padding, affine=True):
        super().__init__(
            channels_in, channels_out, kernel_size, stride, padding, dilation=1, affine=affine
        )


def accuracy(output, target, topk=(1,)):
    """A dict: ``acc1`` and so on."""
    _, predicted = output.topk(max(topk), 1)
    hits = predicted.eq(target.view(-1, 1))
    return {f"acc{k}": hits[:, :k].any(dim=1).float().mean().item() for k in topk}


# "One-Shot NAS Algorithms"


def test_search_with_enas_and_train_the_result_again() -> None:
    # 与传统模型训练完全相同
    model = Net()
    dataset_train = CIFAR10(root="./data", train=True, download=True, transform=train_transform)
    dataset_valid = CIFAR10(root="./data", train=False, download=True, transform=valid_transform)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1.0e-4)

    # 这里使用 NAS
    def top1_accuracy(output, target):
        # 这是ENAS算法要求的计算奖励的函数
        batch_size = target.size(0)
        _, predicted = torch.max(output.data, 1)
        return (predicted == target).sum().item() / batch_size

    def metrics_fn(output, target):
        # metrics 函数接收 output 和 target 并计算出 dict metrics
        return {"acc1": top1_accuracy(output, target)}

    trainer = EnasTrainer(
        model,
        loss=criterion,
        metrics=metrics_fn,
        reward_function=top1_accuracy,
        optimizer=optimizer,
        batch_size=128,
        num_epochs=1,  # the document has 10
        dataset_train=dataset_train,
        dataset_valid=dataset_valid,
        log_frequency=10,
        child_steps=20,
        mutator_steps=3,
        mutator_steps_aggregate=4,
    )
    trainer.train()  # training
    trainer.export(file="model_dir/final_architecture.json")  # 把最终的架构导出到文件

    from trial_api import apply_fixed_architecture

    model = Net()
    apply_fixed_architecture(model, "model_dir/final_architecture.json")

    assert not any(isinstance(module, (LayerChoice, InputChoice)) for module in model.modules())
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    x, y = dataset_train[:]
    criterion(model(x), y).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    optimizer.step()


class Five(nn.Module):
    """The keys of the document's example of an exported architecture."""

    def __init__(self) -> None:
        super().__init__()
        layers = ["layer1", "layer2", "layer3"]
        self.first = LayerChoice({"conv3x3": _conv(3), "conv5x5": _conv(5)}, key="LayerChoice1")
        self.second = LayerChoice([_conv(1) for _ in range(7)], key="LayerChoice2")
        self.third = InputChoice(choose_from=layers, n_chosen=2, key="InputChoice3")
        self.fourth = InputChoice(n_candidates=3, n_chosen=2, key="InputChoice4")
        self.fifth = InputChoice(n_candidates=5, key="InputChoice5")


ARCHITECTURE = """
   {
       "LayerChoice1": "conv5x5",
       "LayerChoice2": 6,
       "InputChoice3": ["layer1", "layer3"],
       "InputChoice4": [1, 2],
       "InputChoice5": [false, true, false, false, true]
   }
"""


def test_every_listed_form_of_an_architecture() -> None:
    from trial_api import apply_fixed_architecture

    Path("model_dir").mkdir()
    Path("model_dir/final_architecture.json").write_text(ARCHITECTURE)
    model = Five()
    sixth = model.second[6]
    apply_fixed_architecture(model, "model_dir/final_architecture.json")

    assert model.first.kernel_size == (5, 5)
    assert model.second is sixth
    tensors = [torch.tensor(float(10**power)) for power in range(5)]
    assert model.third(tensors[:3]) == 101
    assert model.fourth(tensors[:3]) == 110
    assert model.fifth(tensors) == 10010
    assert len(list(model.parameters())) == 4  # what is not used is gone


# "Customize a NAS Algorithm"


class RandomMutator(Mutator):
    def __init__(self, model):
        super().__init__(model)  # don't forget to call super
        # do something else

    def sample_search(self):
        result = dict()  # noqa: C408
        for mutable in self.mutables:  # this is all the mutable modules in user model
            # mutables share the same key will be de-duplicated
            if isinstance(mutable, LayerChoice):
                # decided that this mutable should choose `gen_index`
                gen_index = np.random.randint(mutable.length)
                result[mutable.key] = torch.tensor(
                    [i == gen_index for i in range(mutable.length)], dtype=torch.bool
                )
            elif isinstance(mutable, InputChoice):  # noqa: SIM102
                if mutable.n_chosen is None:  # n_chosen is None, then choose any number
                    result[mutable.key] = (
                        torch.randint(high=2, size=(mutable.n_candidates,)).view(-1).bool()
                    )
                # else do something else
        return result

    def sample_final(self):
        return self.sample_search()  # use the same logic here. you can do something different


def loop(mutator, model):
    """The document's training loop, with an optimizer where it says that nothing is different."""
    criterion, epochs = nn.CrossEntropyLoss(), 2
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    data_loader = torch.utils.data.DataLoader(images(), batch_size=8)

    for _ in range(epochs):
        for x, y in data_loader:
            mutator.reset()  # 在模型中重置所有 Choice
            out = model(x)  # 与普通模型相同
            loss = criterion(out, y)
            loss.backward()
            # 以下代码没有不同
            optimizer.step()
            optimizer.zero_grad()


def test_a_custom_mutator_and_its_loop() -> None:
    model = Net()
    mutator = RandomMutator(model)
    before = model.head.weight.detach().clone()
    loop(mutator, model)
    assert not torch.equal(model.head.weight, before)
    trial_api.apply_fixed_architecture(Net(), mutator.export())


def test_a_mutator_that_writes_reset_and_export_itself() -> None:
    class MyMutator(RandomMutator):
        def reset(self):
            self.apply_on_model(self.sample_search())

        def export(self):
            return self.sample_final()

    model = Net()
    mutator = MyMutator(model)
    loop(mutator, model)
    # 为了存储到 JSON，用户需要将张量显式的转换为 Python 的 list
    exported = {key: choice.tolist() for key, choice in mutator.export().items()}
    Path("chosen.json").write_text(json.dumps(exported))
    trial_api.apply_fixed_architecture(Net(), "chosen.json")


def test_weights_on_every_candidate() -> None:
    """`a FloatTensor which applies weight on each candidate`"""

    class Half(Mutator):
        def sample_search(self):
            return {
                mutable.key: torch.full((mutable.length,), 1 / mutable.length)
                if isinstance(mutable, LayerChoice)
                else torch.ones(mutable.n_candidates)
                for mutable in self.mutables
            }

        def sample_final(self):
            return self.sample_search()

    model = Net()
    mutator = Half(model)
    loop(mutator, model)
    mutator.reset()
    model(images()[:][0]).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_random_mutator_for_debugging() -> None:
    from trial_api.mutators import RandomMutator

    model = Net()

    mutator = RandomMutator(model)
    mutator.reset()

    assert model(images()[:][0]).shape == (16, CLASSES)


def test_a_base_mutator() -> None:
    class Everything(BaseMutator):
        def on_forward_layer_choice(self, mutable, x):
            return sum(candidate(x) for candidate in mutable) / len(mutable)

        def on_forward_input_choice(self, mutable, tensor_list):
            return torch.stack(tensor_list).mean(0)

    model = Net()
    mutator = Everything(model)
    assert [mutable.key for mutable in mutator.mutables] == ["layer1", "layer2", "skip"]
    assert model(images()[:][0]).shape == (16, CLASSES)


# "NNI NAS Programming Interface"


class Layers(nn.Module):
    def __init__(self, channels=CHANNELS, stride=2):
        super().__init__()
        self.one_layer = trial_api.LayerChoice(
            [
                PoolBN("max", channels, 3, stride, 1, affine=False),
                PoolBN("avg", channels, 3, stride, 1, affine=False),
                FactorizedReduce(channels, channels, affine=False),
                SepConv(channels, channels, 3, stride, 1, affine=False),
                DilConv(channels, channels, 3, stride, 2, 2, affine=False),
            ],
            key="layer_name",
        )
        self.input_switch = trial_api.InputChoice(n_candidates=3, n_chosen=1, key="switch_name")

    def forward(self, x):
        out = self.one_layer(x)
        in_tensor1, in_tensor2, in_tensor3 = out, 2 * out, 3 * out
        out = self.input_switch([in_tensor1, in_tensor2, in_tensor3])
        return out  # noqa: RET504


class Cell(trial_api.MutableScope):
    def __init__(self, scope_name):
        super().__init__(scope_name)
        self.layer1 = trial_api.LayerChoice([nn.Identity(), nn.ReLU()])
        self.layer2 = trial_api.LayerChoice([nn.Identity(), nn.Tanh()])
        self.layer3 = trial_api.LayerChoice([nn.Identity(), nn.Sigmoid()])

    def forward(self, x):
        return self.layer3(self.layer2(self.layer1(x)))


def test_layer_choice_and_input_choice() -> None:
    from trial_api.mutators import FixedMutator

    x = torch.randn(2, CHANNELS, SIZE, SIZE)
    for index in range(5):
        model = Layers()
        mutator = FixedMutator(model, {"layer_name": index, "switch_name": [2]})
        expected = 3 * model.one_layer[index](x)
        assert torch.allclose(model(x), expected, atol=1e-6)
        mutator.remove()
        plain = trial_api.apply_fixed_architecture(
            model, {"layer_name": index, "switch_name": [2]}
        )
        assert torch.allclose(plain(x), expected, atol=1e-6)


def test_mutable_scope() -> None:
    from trial_api.mutators import RandomMutator

    model = nn.Sequential(Cell("scope_name"))
    tree = RandomMutator(model).mutables
    (scope,) = tree.children
    assert isinstance(scope.mutable, MutableScope)
    assert scope.mutable.key == "scope_name"
    assert [child.mutable.key for child in scope.children] == ["0.layer1", "0.layer2", "0.layer3"]


def test_darts_trainer() -> None:
    model, criterion = Net(), nn.CrossEntropyLoss()
    optim = torch.optim.SGD(model.parameters(), 0.025, momentum=0.9)
    args = type("Arguments", (), {"epochs": 2})
    dataset_train, dataset_valid = images(64), images(32, seed=1)

    # create a DartsTrainer
    trainer = DartsTrainer(
        model,
        loss=criterion,
        metrics=lambda output, target: accuracy(output, target, topk=(1,)),
        optimizer=optim,
        num_epochs=args.epochs,
        dataset_train=dataset_train,
        dataset_valid=dataset_valid,
    )
    # finding the best model from search space
    trainer.train()
    # export the best found model
    trainer.export(file="./chosen_arch")

    plain = trial_api.apply_fixed_architecture(Net(), "./chosen_arch")
    assert plain(images()[:][0]).shape == (16, CLASSES)


def test_classic_search_in_standalone_mode(caplog: pytest.LogCaptureFixture) -> None:
    def train(model):
        assert model(images()[:][0]).shape == (16, CLASSES)

    def test(model):
        return 0.5

    model = Net()
    # get the chosen architecture from tuner and apply it on model
    trial_api.get_and_apply_next_architecture(model)
    # your code for training the model
    train(model)
    # test the trained model
    acc = test(model)
    # report the performance of the chosen architecture
    trial_api.report_final_result(acc)

    # The first candidate(s) are chosen.
    assert isinstance(model.layer1, nn.Conv2d)
    assert model.layer1.kernel_size == (3, 3)
    assert isinstance(model.layer2, nn.Identity)


SPACE = """
{
    "key_name": {
        "_type": "layer_choice",
        "_value": ["op1_repr", "op2_repr", "op3_repr"]
    },
    "key_name_2": {
        "_type": "input_choice",
        "_value": {
            "candidates": ["in1_key", "in2_key", "in3_key"],
            "n_chosen": 1
        }
    }
}
"""

PARAMETERS = """
{
    "key_name": {
        "_value": "op1_repr",
        "_idx": 0
    },
    "key_name_2": {
        "_value": ["in2_key"],
        "_idex": [1]
    }
}
"""


def test_what_tuners_receive_and_send() -> None:
    """The document's ``_idex`` is read; ours write ``_idx``."""
    space = SearchSpace.loads(SPACE)
    vector = to_vector(space, json.loads(PARAMETERS))
    expected = json.loads(PARAMETERS.replace("_idex", "_idx"))
    assert to_parameters(space, vector) == expected
