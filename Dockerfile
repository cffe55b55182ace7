# The command line with statistical, tree and neural models, on CPUs:
#   docker build -t automodel-sk .
#   docker run --rm -v "$PWD:/data" automodel-sk fit sales.csv --h 24
FROM python:3.12-slim AS build

# PyTorch's own index has builds without CUDA, which is several gigabytes. For a GPU:
#   docker build --build-arg TORCH_INDEX= -t automodel-sk .
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/automodel_sk
ENV PATH=/opt/automodel_sk/bin:$PATH

WORKDIR /source
COPY constraints.txt ./
RUN pip install --constraint constraints.txt ${TORCH_INDEX:+--index-url $TORCH_INDEX} torch
COPY pyproject.toml README.md LICENSE ./
COPY automodel_sk ./automodel_sk
RUN pip install --constraint constraints.txt '.[portfolio,report,excel]'

FROM python:3.12-slim

# LightGBM and PyTorch need OpenMP.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 forecaster
COPY --from=build /opt/automodel_sk /opt/automodel_sk
ENV PATH=/opt/automodel_sk/bin:$PATH PYTHONUNBUFFERED=1

USER forecaster
WORKDIR /data
ENTRYPOINT ["automodel-sk"]
CMD ["--help"]
