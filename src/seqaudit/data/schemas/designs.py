"""Columns that say which dataset and which trained network a row is about."""

from seqaudit.data.schemas.declaration import Column

DATASET = Column("dataset", "string", "id of the dataset in the config")
MODEL_ID = Column("model_id", "string", "readable id of the trained model")
MODEL_DESIGN = (
    DATASET,
    Column("control", "string", "negative or positive control; null for measured data", "", True),
    Column("padding", "string", "padding of every convolution: valid or same"),
    Column("arch", "string", "id of the architecture in the config"),
    Column("l1", "float64", "weight of the L1 penalty on kernels"),
    Column("seed", "int64", "seed of initial weights and batch order"),
)
