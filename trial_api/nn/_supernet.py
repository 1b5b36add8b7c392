"""A model space with value choices, turned into one network that holds all of its sizes."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import torch
from torch import nn

from nas_tuners.contract.errors import Problem, SearchSpaceError
from nas_tuners.contract.search_space import SearchSpace

from ._building import FreeBuild, free_build
from ._looks import Look, looks_of
from ._subject import rebuilt, subject_of
from ._super_layers import SuperForward
from ._survey import Survey, survey
from ._value_decision import ValueDecision, ValueDecisions
from .space_record import construct_anew, make_another, record_of, undecided_record
from .wrappers import is_wrapper, submodule, unwrap

_DECISIONS = "_nas_value_decisions"


def make_supernet(model: nn.Module) -> nn.Module:
    """Turn a model space with value choices into a supernet, in place.

    Mutators, and the trainers that make them, call this for the model that they get. Called before
    they are made, it lets a supernet's weights be loaded.

    The model is constructed anew with the largest candidate of each value, and with new weights;
    so initialize weights, load them and register hooks afterwards. Its layers then run as the
    small ones that they may become, with the leading part of each dimension of their weights and
    the centre of kernels: Guo et al.: Single Path One-Shot, ECCV 2020
    (https://arxiv.org/abs/1904.00420) search channels so, Stamoulis et al.: Single-Path NAS,
    ECML-PKDD 2019 (https://arxiv.org/abs/1904.02877) kernels, and Chen et al.: AutoFormer, ICCV
    2021 (https://arxiv.org/abs/2107.00651) transformers, as weight entanglement.

    Parameters stay the same objects, so that an optimizer made before goes on holding them. A
    model without value choices, or a supernet, is left as it is.

    Args:
        model: The model, compiled or in ``DistributedDataParallel`` or not. Not in
            ``DataParallel``, whose replicas would all run with the weights of the first GPU.

    Returns:
        The model.

    Raises:
        SearchSpaceError: with everything that depends on values but is no part of something
            larger: which modules there are, attributes of the model's own modules, layers that
            nothing is known about, sizes of which none holds the others; or if layers were
            replaced since the model was constructed, which constructing it again would lose; or
            if a model with value choices is in ``DataParallel``.

    Example::

        model = make_supernet(Net())
        model.load_state_dict(torch.load("supernet.pt"))
        trainer = SposTrainer(model, ...)
    """
    if not isinstance(model, nn.Module):
        raise SearchSpaceError(f"`model` must be an nn.Module, but got {model!r}")
    root = unwrap(model)
    record = undecided_record(root)
    if record is None:
        return model
    _refuse_data_parallel(model)
    if record.supernet:
        return model
    plan = survey(functools.partial(make_another, type(root), record))
    _refuse_changed(root, plan.undecided)
    kept = dict(root.named_parameters())
    with free_build(FreeBuild(plan.largest)):
        construct = functools.partial(construct_anew, root, record)
        with rebuilt(model, construct):
            _add_decisions(root, plan)
            made = record_of(root)
            assert made is not None, "it was constructed anew"
            made.constraints, made.supernet = record.constraints, plan.space
            _keep_parameters(root, kept)  # last, as it changes what the old model holds
    return model


def supernet_space(model: nn.Module) -> SearchSpace:
    """What mutators decide of a model."""
    record = record_of(unwrap(model))
    if record is None or record.supernet is None:
        return subject_of(model).space
    return record.supernet.with_constraints(record.constraints)


def _refuse_data_parallel(model: nn.Module) -> None:
    """Its replicas are shallow copies, whose layers would go on running the original ones."""
    while is_wrapper(model):
        if isinstance(model, nn.DataParallel):
            raise SearchSpaceError(
                "a model with value choices cannot be a supernet in nn.DataParallel, whose "
                "replicas would all run with the weights of the first GPU: wrap it in "
                "DistributedDataParallel instead, or take one GPU"
            )
        model = next(model.children())


def _refuse_changed(root: nn.Module, fresh: Mapping[str, Look]) -> None:
    present = looks_of(root)
    changed = [
        Problem(path, "is not what the constructor makes, which runs again for a supernet")
        for path in {**fresh, **present}
        if _form(present.get(path)) != _form(fresh.get(path))
    ]
    if changed:
        raise SearchSpaceError(
            changed, "the model was changed; call make_supernet(model) first, and change it then"
        )


def _form(look: Look | None) -> object:
    return look and (look.kind, look.shapes)


def _add_decisions(root: nn.Module, plan: Survey) -> None:
    decisions = {key: ValueDecision(options, key) for key, options in plan.options.items()}
    container = ValueDecisions(decisions.values())
    first = next(root.parameters(), None)
    root._modules[_DECISIONS] = container if first is None else container.to(first.device)
    for layer in plan.layers:
        module = submodule(root, layer.path)
        module.forward = SuperForward(
            module,
            path=layer.path,
            decisions=[decisions[key] for key in layer.keys],
            configurations=layer.configurations,
            is_layer=layer.is_layer,
        )


def _keep_parameters(root: nn.Module, kept: Mapping[str, nn.Parameter]) -> None:
    """The old parameters with the new tensors, wherever those stand."""
    old = {id(new): kept[name] for name, new in root.named_parameters() if name in kept}
    for module in root.modules():
        for name, new in module._parameters.items():
            if id(new) in old:
                assert new is not None, "it was found"
                before = old[id(new)]
                other = torch.float32 if new.dtype == torch.float16 else torch.float16
                # Another type makes autograd forget the shape, which an old DDP would keep alive.
                before.data = torch.empty(0, dtype=other, device=new.device)
                before.data, before.grad = new.data, None
                module._parameters[name] = before
