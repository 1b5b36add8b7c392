"""Scripts as users of NNI have them, made of the code that its documents show.

What the documents leave out (networks, data, loops) is added above or below, small; what they
show stands as it was published, but for a full-width number sign and a comma that is missing.
"""

from __future__ import annotations

DATA = """\
import torch
from torch import nn
from torch.utils.data import TensorDataset

CHANNELS, SIZE = 4, 8


def images(length, seed):
    x = torch.randn(length, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(x, (x.mean((1, 2, 3)) > 0).long())

"""

CLASSIC = (
    DATA
    + """\
import nni
import nni.nas.pytorch
from nni.nas.pytorch import mutables
from nni.nas.pytorch.classic_nas import get_and_apply_next_architecture


def PoolBN(pool_type, channels, kernel_size, stride, padding, affine=True):
    pool = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}[pool_type](kernel_size, stride, padding)
    return nn.Sequential(pool, nn.BatchNorm2d(channels, affine=affine))


def FactorizedReduce(channels_in, channels_out, affine=True):
    layer = nn.Conv2d(channels_in, channels_out, 1)
    return nn.Sequential(layer, nn.BatchNorm2d(channels_out, affine=affine))


def DilConv(channels_in, channels_out, kernel_size, stride, padding, dilation, affine=True):
    layer = nn.Conv2d(channels_in, channels_out, kernel_size, stride, padding, dilation)
    return nn.Sequential(layer, nn.BatchNorm2d(channels_out, affine=affine))


def SepConv(channels_in, channels_out, kernel_size, stride, padding, affine=True):
    return DilConv(channels_in, channels_out, kernel_size, stride, padding, 1, affine)


class Cell(mutables.MutableScope):
    def __init__(self, scope_name):
        super().__init__(scope_name)
        self.layer1 = nni.nas.pytorch.LayerChoice([nn.Identity(), nn.ReLU()], key="layer1")
        self.layer2 = nni.nas.pytorch.LayerChoice([nn.Tanh(), nn.Sigmoid()], key="layer2")

    def forward(self, x):
        return self.layer2(self.layer1(x))


class Net(nn.Module):
    def __init__(self, channels=CHANNELS, stride=1):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        # key: ``LayerChoice`` 实例的名称
        self.one_layer = nni.nas.pytorch.LayerChoice([
            PoolBN('max', channels, 3, stride, 1, affine=False),
            PoolBN('avg', channels, 3, stride, 1, affine=False),
            FactorizedReduce(channels, channels, affine=False),
            SepConv(channels, channels, 3, stride, 1, affine=False),
            DilConv(channels, channels, 3, stride, 2, 2, affine=False)],
            key="layer_name")
        self.cell = Cell("cell")
        self.input_switch = nni.nas.pytorch.InputChoice(
            n_candidates=3,
            n_chosen=1,
            key="switch_name")
        self.head = nn.Linear(channels, 2)

    def forward(self, x):
        in_tensor1 = self.stem(x)
        in_tensor2 = self.one_layer(in_tensor1)
        in_tensor3 = self.cell(in_tensor2)
        out = self.input_switch([in_tensor1, in_tensor2, in_tensor3])
        return self.head(out.mean((2, 3)))


def train(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, y = images(32, seed=0)[:]
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    nni.report_intermediate_result(test(model))


def test(model):
    x, y = images(32, seed=1)[:]
    return (model(x).argmax(1) == y).float().mean().item()


model = Net()
# get the chosen architecture from tuner and apply it on model
get_and_apply_next_architecture(model)
# your code for training the model
train(model)
# test the trained model
acc = test(model)
# report the performance of the chosen architecture
nni.report_final_result(acc)
print(type(model.one_layer[0]).__name__, model.one_layer[0].dilation)
"""
)

NET = """\
from nni.nas.pytorch.mutables import InputChoice, LayerChoice


def conv(kernel_size):
    return nn.Conv2d(CHANNELS, CHANNELS, kernel_size, padding=kernel_size // 2)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.layer1 = LayerChoice(op_candidates=[conv(3), conv(5)], key="layer1")
        self.skip = InputChoice(choose_from=["layer1", InputChoice.NO_KEY], key="skip")
        self.head = nn.Linear(CHANNELS, 2)

    def forward(self, x):
        stem = self.stem(x)
        first = self.layer1(stem)
        skipped = self.skip([first, stem])
        return self.head((first if skipped is None else first + skipped).mean((2, 3)))


def CIFAR10(root, train, download, transform):
    return images(64 if train else 32, seed=int(train))


train_transform = valid_transform = None

"""

ENAS = (
    DATA
    + NET
    + """
# 与传统模型训练完全相同
model = Net()
dataset_train = CIFAR10(root="./data", train=True, download=True, transform=train_transform)
dataset_valid = CIFAR10(root="./data", train=False, download=True, transform=valid_transform)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1.0E-4)

# 这里使用 NAS
def top1_accuracy(output, target):
    # 这是ENAS算法要求的计算奖励的函数
    batch_size = target.size(0)
    _, predicted = torch.max(output.data, 1)
    return (predicted == target).sum().item() / batch_size

def metrics_fn(output, target):
    # metrics 函数接收 output 和 target 并计算出 dict metrics
    return {"acc1": top1_accuracy(output, target)}

from nni.algorithms.nas.pytorch import enas
trainer = enas.EnasTrainer(model,
                           loss=criterion,
                           metrics=metrics_fn,
                           reward_function=top1_accuracy,
                           optimizer=optimizer,
                           batch_size=128,
                           num_epochs=10,  # 10 epochs
                           dataset_train=dataset_train,
                           dataset_valid=dataset_valid,
                           log_frequency=10)  # 每 10s 打印一次 log
trainer.train()  # training
trainer.export(file="model_dir/final_architecture.json")  # 把最终的架构导出到文件

from nni.nas.pytorch.fixed import apply_fixed_architecture

model = Net()
apply_fixed_architecture(model, "model_dir/final_architecture.json")
print(model(images(5, seed=2)[:][0]).shape)
"""
)

QUICK_ENAS = {  # what a test changes to be quick
    "num_epochs=10,": "num_epochs=1, child_steps=4, mutator_steps=2, mutator_steps_aggregate=2,",
}

DARTS = (
    DATA
    + NET
    + """
import argparse
from nni.nas.pytorch.callbacks import ArchitectureCheckpoint, LearningRateScheduler
from nni.nas.pytorch.darts import DartsTrainer
from nni.nas.pytorch.fixed import apply_fixed_architecture
from nni.nas.pytorch.utils import AverageMeterGroup

args = argparse.Namespace(epochs=2)
model = Net()
dataset_train, dataset_valid = images(64, seed=1), images(32, seed=0)
criterion = nn.CrossEntropyLoss()
optim = torch.optim.SGD(model.parameters(), 0.025, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optim, args.epochs)


def accuracy(output, target, topk=(1,)):
    return {"acc1": (output.argmax(1) == target).float().mean().item()}


# create a DartsTrainer
trainer = DartsTrainer(model,
                       loss=criterion,
                       metrics=lambda output, target: accuracy(output, target, topk=(1,)),
                       optimizer=optim,
                       num_epochs=args.epochs,
                       dataset_train=dataset_train,
                       dataset_valid=dataset_valid,
                       callbacks=[LearningRateScheduler(scheduler),
                                  ArchitectureCheckpoint("all")],)
# finding the best model from search space
trainer.train()
# export the best found model
trainer.export(file='./chosen_arch')
model = Net()
apply_fixed_architecture(model, fixed_arc='./chosen_arch')
meters = AverageMeterGroup()
meters.update(accuracy(model(dataset_valid[:][0]), dataset_valid[:][1]))
print(meters.summary())
"""
)

VERSION_3 = """\
import nni
import torch
from nni.nas.nn.pytorch import LayerChoice, ModelSpace, MutableLinear, Repeat


class Net(ModelSpace):
    def __init__(self, classes=2):
        super().__init__()
        width = nni.choice("width", [4, 8])
        self.hidden = MutableLinear(3, width)
        self.act = LayerChoice([torch.nn.ReLU(), torch.nn.Tanh()], label="act")
        self.blocks = Repeat(lambda i: MutableLinear(width, width), (1, 3), label="depth")
        self.head = MutableLinear(width, classes)

    def forward(self, x):
        return self.head(self.blocks(self.act(self.hidden(x))))


model_space = Net()
"""

TUTORIAL = """\
import torch
import torch.nn.functional as F
import nni.retiarii.nn.pytorch as nn
from nni.retiarii import model_wrapper


@model_wrapper
class ModelSpace(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        # LayerChoice is used to select a layer between Conv2d and DwConv.
        self.conv2 = nn.LayerChoice([
            nn.Conv2d(32, 64, 3, 1),
            DepthwiseSeparableConv(32, 64)
        ])
        # ValueChoice can be used as parameter of modules wrapped in `nni.retiarii.nn.pytorch`
        self.dropout1 = nn.Dropout(nn.ValueChoice([0.25, 0.5, 0.75]))
        feature = nn.ValueChoice([64, 128, 256])
        self.fc1 = nn.Linear(9216, feature)


model_space = ModelSpace()

import nni.retiarii.strategy as strategy
search_strategy = strategy.Random(dedup=True)  # dedup=False if deduplication is not wanted

import nni


def evaluate_model(model_cls):
    accuracy = 0.5
    nni.report_intermediate_result(accuracy)
    nni.report_final_result(accuracy)


from nni.retiarii.evaluator import FunctionalEvaluator
evaluator = FunctionalEvaluator(evaluate_model)

from nni.retiarii.experiment.pytorch import RetiariiExperiment, RetiariiExeConfig
exp = RetiariiExperiment(model_space, evaluator, [], search_strategy)
exp_config = RetiariiExeConfig('local')
exp_config.max_trial_number = 4   # 最多运行 4 个实验
exp.run(exp_config, 8081)
for model_dict in exp.export_top_models(formatter='dict'):
    print(model_dict)
"""
