# The program isocost: coordinator, command line and reports. Links no LibTorch.
#   docker build -f docker/coordinator.Dockerfile -t isocost-coordinator .
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
WORKDIR /src
COPY script script
COPY reports/page/package.json reports/page/package-lock.json reports/page/.npmrc reports/page/
RUN script/bootstrap --no-torch
COPY . .
RUN cmake --preset release -DISOCOST_WITH_TORCH=OFF -DISOCOST_BUILD_TESTS=OFF \
 && cmake --build --preset release --target isocost

FROM ${BASE}
# Transport, database, grid files, logs, digests, pictures.
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      libzmq5 libsqlite3-0 libyaml-cpp0.7 libspdlog1.10 libfmt9 libssl3 libpng16-16 libjpeg62-turbo zlib1g \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/build/release/bin/isocost /usr/local/bin/isocost
COPY experiments /usr/local/share/isocost/experiments
ENV ISOCOST_MINI=/usr/local/share/isocost/experiments/mini
WORKDIR /data
VOLUME /data
ENTRYPOINT ["isocost"]
CMD ["coordinator", "--help"]
