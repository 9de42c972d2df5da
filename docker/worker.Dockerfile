# The program isocost-worker with LibTorch for the CPU, and the mini family of models.
#   docker build -f docker/worker.Dockerfile -t isocost-worker .
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
# The place of LibTorch is the same in both stages, since the program finds it by path.
ENV ISOCOST_CACHE=/opt/isocost
WORKDIR /src
COPY script script
COPY reports/page/package.json reports/page/package-lock.json reports/page/.npmrc reports/page/
RUN script/bootstrap
COPY . .
RUN cmake --preset release -DISOCOST_BUILD_TESTS=OFF && cmake --build --preset release --target isocost-worker
# What runs, without headers and without the CUDA kernels that a CPU never calls.
RUN cd /opt/isocost/libtorch-*/ && mkdir -p /runtime$PWD/torch/lib \
 && cp torch/lib/libtorch_cpu.so torch/lib/libc10.so torch/lib/libgomp.so.1 /runtime$PWD/torch/lib/ \
 && cp -r nvidia /runtime$PWD/ && find /runtime -name include -prune -exec rm -rf {} +

FROM ${BASE}
# Transport, digests, pictures.
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      libzmq5 libssl3 libpng16-16 libjpeg62-turbo zlib1g libspdlog1.10 libfmt9 libyaml-cpp0.7 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /runtime/opt /opt
COPY --from=build /src/build/release/bin/isocost-worker /usr/local/bin/isocost-worker
COPY experiments/mini /usr/local/share/isocost/experiments/mini
WORKDIR /data
VOLUME /data
ENTRYPOINT ["isocost-worker"]
CMD ["serve", "--help"]
