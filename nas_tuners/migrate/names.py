"""What NNI's names are called here: the one table behind the rewriting and its page."""

from __future__ import annotations

from ._table import Arguments, Family, Name, by_hand, same

_FACADE = "nas_tuners.retiarii"
_LAYERS = f"{_FACADE}.nn"
_STRATEGIES = f"{_FACADE}.strategy"
_EVALUATORS = f"{_FACADE}.evaluator"

LAYER_MODULES = {"nni.retiarii.nn.pytorch": _LAYERS, "nni.nas.nn.pytorch": _LAYERS}
"""Modules that also hold every layer of torch; ``MutableLinear`` is ``Linear`` here."""

MODULES = {
    **LAYER_MODULES,
    "nni.retiarii": _FACADE,
    "nni.retiarii.experiment.pytorch": _FACADE,
    "nni.retiarii.strategy": _STRATEGIES,
    "nni.nas.strategy": _STRATEGIES,
    "nni.retiarii.evaluator": f"{_FACADE}.evaluator",
    "nni.retiarii.evaluator.pytorch": f"{_FACADE}.evaluator",
    "nni.nas.evaluator": f"{_FACADE}.evaluator",
    "nni.nas.evaluator.pytorch": f"{_FACADE}.evaluator",
}
"""Modules with a counterpart that has the same names."""

ENVIRONMENT = {
    "NNI_OUTPUT_DIR": "trial_api.get_output_dir()",
    "NNI_SYS_DIR": "trial_api.get_output_dir()",
    "NNI_EXP_ID": "trial_api.get_experiment_id()",
    "NNI_TRIAL_JOB_ID": "trial_api.get_trial_id()",
    "NNI_TRIAL_SEQ_ID": "trial_api.get_sequence_id()",
}
"""Variables that NNI sets -> what to call instead."""

_OUT = "take it out"
_VALUE = (
    "is the chosen value, while the model is constructed; in the arguments of an evaluator it is "
    "`nas_tuners.multi_trial.choice`"
)
_SHARED = "batch_size workers device log_frequency"
_FIXED_RENAMED = {"fixed_arc": "architecture", "fixed_arc_path": "architecture"}
_FIXED_GONE = {"verbose": _OUT, "strict": f"{_OUT}: keys are always checked", "device": _OUT}
_PRIOR = {"prior": f"{_OUT}: tuners learn it", "weights": f"{_OUT}: tuners learn it"}
_VALUES = Arguments("candidates", 1, gone=_PRIOR)
_DATA = {"dataset": "dataset_train"}
_DEVICE = "trains in plain torch, on one device, and writes `model.onnx` with `export_onnx=True`"
_SUPERVISED = Arguments(
    "criterion learning_rate weight_decay optimizer train_dataloaders val_dataloaders export_onnx",
    renamed={
        "train_dataloaders": "train_data",
        "train_dataloader": "train_data",
        "val_dataloaders": "valid_data",
        "gradient_clip_val": "grad_clip",
    },
    gone={
        "gpus": f"{_OUT}: `device` is the GPU if there is one",
        "logger": _OUT,
        "progress_bar_refresh_rate": _OUT,
    },
)

TRIALS = Family(
    "Trial scripts",
    ("nni",),
    (
        *same("trial_api", "get_next_parameter"),
        Name(
            "get_current_parameter",
            "trial_api:get_next_parameter",
            "the same at each call",
            Arguments("tag", gone={"tag": "index the dict that is returned"}),
        ),
        *same("trial_api", "report_intermediate_result", "report_final_result"),
        *same("trial_api", "get_experiment_id", "get_trial_id", "get_sequence_id"),
        Name(
            "choice",
            f"{_LAYERS}:ValueChoice",
            _VALUE,
            Arguments("label choices", renamed={"choices": "candidates"}),
        ),
        Name("trace", None, "take it out: nothing needs it", vanishes=True),
    ),
    nested=False,
)

CLASSIC = Family(
    "Choices and trainers of NNI 1",
    ("nni.nas.pytorch", "nni.algorithms.nas.pytorch"),
    (
        Name(
            "LayerChoice",
            "trial_api:LayerChoice",
            arguments=Arguments(
                "op_candidates reduction return_mask key", 4, {"op_candidates": "candidates"}
            ),
        ),
        *same("trial_api", "InputChoice", "MutableScope"),
        Name(
            "get_and_apply_next_architecture",
            "trial_api:get_and_apply_next_architecture",
            "the model becomes a plain network; make the optimizer afterwards",
        ),
        Name(
            "apply_fixed_architecture",
            "trial_api:apply_fixed_architecture",
            "returns the model, not a mutator",
            Arguments("model fixed_arc verbose", 2, _FIXED_RENAMED, _FIXED_GONE),
        ),
        Name(
            "FixedArchitecture",
            "trial_api.mutators:FixedMutator",
            arguments=Arguments("model fixed_arc strict verbose", 2, _FIXED_RENAMED, _FIXED_GONE),
        ),
        *same("trial_api.mutators", "BaseMutator", "Mutator", "RandomMutator"),
        Name("DartsMutator", "trial_api.mutators:SoftmaxMutator"),
        Name(
            "EnasMutator",
            "trial_api.mutators:ControllerMutator",
            arguments=Arguments(
                "model lstm_size lstm_num_layers tanh_constant cell_exit_extra_step skip_target "
                "temperature branch_bias entropy_reduction",
                kept=1,
            ),
        ),
        Name(
            "DartsTrainer",
            "trial_api.oneshot:DartsTrainer",
            "draws the two halves of the data at random",
            Arguments(
                "model loss metrics optimizer num_epochs dataset_train dataset_valid mutator "
                f"{_SHARED} callbacks arc_learning_rate unrolled",
                kept=7,
            ),
        ),
        Name(
            "EnasTrainer",
            "trial_api.oneshot:EnasTrainer",
            "exports the best of several samples",
            Arguments(
                "model loss metrics reward_function optimizer num_epochs dataset_train "
                f"dataset_valid mutator {_SHARED} callbacks entropy_weight skip_weight "
                "baseline_decay child_steps mutator_lr mutator_steps_aggregate mutator_steps "
                "aux_weight test_arc_per_epoch",
                kept=8,
                gone={"test_arc_per_epoch": f"{_OUT}: `final_samples` are judged at the end"},
            ),
        ),
        Name(
            "PdartsTrainer",
            "trial_api.oneshot:PdartsTrainer",
            arguments=Arguments(
                "model_creator init_layers metrics num_epochs dataset_train dataset_valid "
                f"pdarts_num_layers pdarts_num_to_drop mutator {_SHARED} callbacks unrolled",
                kept=6,
                gone={"mutator": f"{_OUT}: each stage makes its own", "unrolled": _OUT},
            ),
        ),
        Name(
            "SPOSSupernetTrainer",
            "trial_api.oneshot:SposTrainer",
            arguments=Arguments(
                "model loss metrics optimizer num_epochs train_loader valid_loader mutator "
                f"{_SHARED} callbacks",
                kept=5,
            ),
        ),
        *same("trial_api.oneshot", "Callback", "ArchitectureCheckpoint", "LRSchedulerCallback"),
        Name("LearningRateScheduler", "trial_api.oneshot:LRSchedulerCallback"),
        Name(
            "ModelCheckpoint",
            "trial_api.oneshot:ModelCheckpoint",
            "writes all that `trainer.resume` needs",
        ),
        *same("trial_api.oneshot", "AverageMeter", "AverageMeterGroup"),
        *by_hand(
            "extend trial_api.oneshot.BaseTrainer, and say what an epoch is in `_phases`",
            *("Trainer", "BaseTrainer"),
        ),
        *by_hand(
            "leave `mutator` out; `cost` and `cost_bounds` of SposTrainer keep to a FLOPs range",
            "SPOSSupernetTrainingMutator",
        ),
        *by_hand("is the tuner `SPOS` of `nas-tuners run`", "SPOSEvolution"),
        *by_hand(
            "trial_api.oneshot.ProxylessTrainer takes a loss, metrics and an optimizer first, "
            "`train_loader`, and `search_loader` for the architecture",
            *("ProxylessNasTrainer", "ProxylessNasMutator"),
        ),
        *by_hand(
            "trial_api.oneshot.CdartsTrainer takes data sets, and makes its mutators itself",
            *("CdartsTrainer", "RegularizedDartsMutator", "RegularizedMutatorParallel"),
            "DartsDiscreteMutator",
        ),
        *by_hand(
            "trial_api.oneshot.FBNetTrainer takes data sets, and `cost` in place of the table: "
            "trial_api.oneshot.candidate_costs(model, inputs)",
            *("FBNetTrainer", "FBNetMutator", "LookUpTable", "NASConfig"),
        ),
        *by_hand("nearest: trial_api.oneshot.SposTrainer", "CreamSupernetTrainer"),
        *by_hand("search_spaces.darts() is the whole network", "DartsCell"),
        *by_hand("search_spaces.enas_micro() is the whole network", "ENASMicroLayer"),
        *by_hand(
            "search_spaces.enas_macro() is the whole network",
            *("ENASMacroLayer", "ENASMacroGeneralModel"),
        ),
        *by_hand("search_spaces.nas_bench_201() is the whole network", "NASBench201Cell"),
    ),
)

ONE_SHOT = Family(
    "One-shot trainers of Retiarii",
    ("nni.retiarii.oneshot", "nni.nas.oneshot"),
    (
        Name(
            "DartsTrainer",
            "trial_api.oneshot:DartsTrainer",
            arguments=Arguments(
                f"model loss metrics optimizer num_epochs dataset grad_clip learning_rate "
                f"{_SHARED} arc_learning_rate unrolled",
                6,
                _DATA,
                {"learning_rate": f"{_OUT}: it has no effect in NNI"},
            ),
        ),
        Name(
            "EnasTrainer",
            "trial_api.oneshot:EnasTrainer",
            arguments=Arguments(
                f"model loss metrics reward_function optimizer num_epochs dataset {_SHARED} "
                "grad_clip entropy_weight skip_weight baseline_decay ctrl_lr "
                "ctrl_steps_aggregate ctrl_kwargs",
                7,
                {
                    **_DATA,
                    "ctrl_lr": "mutator_lr",
                    "ctrl_steps_aggregate": "mutator_steps_aggregate",
                },
                {"ctrl_kwargs": "arguments of a ControllerMutator, which is given as `mutator`"},
            ),
        ),
        Name(
            "ProxylessTrainer",
            "trial_api.oneshot:ProxylessTrainer",
            arguments=Arguments(
                f"model loss metrics optimizer num_epochs dataset warmup_epochs {_SHARED} "
                "arc_learning_rate grad_reg_loss_type grad_reg_loss_params applied_hardware "
                "dummy_input ref_latency",
                6,
                {**_DATA, "ref_latency": "cost_reference"},
                {
                    "grad_reg_loss_type": "`cost` and `cost_form` make the search mind costs",
                    "grad_reg_loss_params": "see `cost_strength` and `cost_scale`",
                    "applied_hardware": "`cost=candidate_costs(...)`, of trial_api.oneshot",
                    "dummy_input": "goes to trial_api.oneshot.candidate_costs",
                },
            ),
        ),
        Name(
            "SinglePathTrainer",
            "trial_api.oneshot:SposTrainer",
            "trial_api.oneshot.SinglePathTrainer is another algorithm",
            Arguments(
                "model loss metrics optimizer num_epochs dataset_train dataset_valid mutator "
                f"{_SHARED}",
                kept=7,
            ),
        ),
    ),
)

RETIARII = Family(
    "Retiarii, and NAS of NNI 3",
    (
        *("nni.retiarii", "nni.nas.nn", "nni.nas.strategy", "nni.nas.evaluator"),
        *("nni.nas.experiment", "nni.nas.fixed", "nni.nas.space"),
    ),
    (
        *same(_FACADE, "model_wrapper", "basic_unit", "RetiariiExperiment", "RetiariiExeConfig"),
        *same(_FACADE, "FunctionalEvaluator"),
        Name(
            "ModelSpace",
            f"{_LAYERS}:Module",
            "as a base class; the class is decorated with `model_wrapper`",
            decorator=f"{_FACADE}:model_wrapper",
        ),
        Name(
            "LayerChoice",
            f"{_LAYERS}:LayerChoice",
            arguments=Arguments("candidates", 1, gone=_PRIOR),
        ),
        Name(
            "InputChoice",
            f"{_LAYERS}:InputChoice",
            arguments=Arguments("n_candidates n_chosen reduction", 3, gone=_PRIOR),
        ),
        Name("ValueChoice", f"{_LAYERS}:ValueChoice", _VALUE, _VALUES),
        Name("ModelParameterChoice", f"{_LAYERS}:ModelParameterChoice", _VALUE, _VALUES),
        Name("ValueChoice.to_int", "builtins:int"),
        Name("ValueChoice.to_float", "builtins:float"),
        Name("ValueChoice.max", "builtins:max"),
        Name("ValueChoice.min", "builtins:min"),
        Name("ValueChoice.condition", None, "write `a if condition else b`"),
        *same(_LAYERS, "Repeat", "Cell", "NasBench101Cell", "NasBench201Cell"),
        *same(_STRATEGIES, "Random", "GridSearch", "RegularizedEvolution", "TPE"),
        Name("TPEStrategy", f"{_STRATEGIES}:TPE"),
        *same(_STRATEGIES, "PolicyBasedRL"),
        *by_hand(
            "make a nas_tuners.Experiment(model_space, evaluator, tuner, max_trials=..., "
            "concurrency=...)",
            *("NasExperiment", "NasExperimentConfig"),
        ),
        *by_hand(
            "trial_api.apply_fixed_architecture(Net, architecture) builds the chosen network",
            *("fixed_arch", "model_context"),
        ),
        Name("blackbox_module", f"{_FACADE}:basic_unit"),
        *by_hand("take it out: nothing needs it", "serialize", "serialize_cls"),
        *by_hand("trial_api.oneshot.DartsTrainer, no strategy", "DARTS"),
        *by_hand("trial_api.oneshot.EnasTrainer, no strategy", "ENAS"),
        *by_hand("trial_api.oneshot.ProxylessTrainer, no strategy", "Proxyless"),
        *by_hand("trial_api.oneshot.GdasTrainer, no strategy", "GumbelDARTS"),
        *by_hand("trial_api.oneshot.SposTrainer, no strategy", "RandomOneShot"),
        Name("Classification", f"{_EVALUATORS}:Classification", _DEVICE, _SUPERVISED),
        Name("Regression", f"{_EVALUATORS}:Regression", _DEVICE, _SUPERVISED),
        Name("DataLoader", "torch.utils.data:DataLoader"),
        *by_hand(
            "nas_tuners.multi_trial.Lightning takes the class of a LightningModule whose first "
            "argument is the model, the loaders, and the arguments of the Trainer as a dict",
            *("Lightning", "LightningModule", "Trainer"),
        ),
        *by_hand("trial_api.Activation chooses among activations", "AutoActivation"),
        *by_hand(
            "use choices in the constructor of the model",
            *("Mutator", "Placeholder", "MutationAnchor", "MutableModule"),
        ),
        *by_hand("use a list and ValueChoice, or Repeat", "MutableList", "MutableDict"),
    ),
)

FAMILIES = (TRIALS, CLASSIC, ONE_SHOT, RETIARII)
