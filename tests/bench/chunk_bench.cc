// Gorilla chunks: 120 samples at 15 s, a counter that grows by small steps and a noisy gauge.
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "tsdb/chunkenc/chunk.h"

namespace silverback::tsdb::chunkenc {
namespace {

constexpr int kSamples = 120;

std::vector<double> counter_values() {
  std::mt19937_64 random(42);
  std::vector<double> out;
  double v = 1000;
  for (int i = 0; i < kSamples; ++i) out.push_back(v += static_cast<double>(random() % 50));
  return out;
}

std::vector<double> gauge_values() {
  std::mt19937_64 random(42);
  std::uniform_real_distribution<double> noise(0, 100);
  std::vector<double> out;
  for (int i = 0; i < kSamples; ++i) out.push_back(noise(random));
  return out;
}

ChunkBuilder build(const std::vector<double>& values) {
  ChunkBuilder chunk(Encoding::kXor);
  for (int i = 0; i < kSamples; ++i)
    chunk.append(0, 1'700'000'000'000 + i * 15'000, values[static_cast<size_t>(i)]);
  return chunk;
}

void append(benchmark::State& state, const std::vector<double>& values) {
  size_t bytes = 0;
  for (auto _ : state) {
    const ChunkBuilder chunk = build(values);
    bytes = chunk.bytes().size();
    benchmark::DoNotOptimize(bytes);
  }
  state.SetItemsProcessed(state.iterations() * kSamples);
  state.counters["bytes_per_sample"] = static_cast<double>(bytes) / kSamples;
}

void decode(benchmark::State& state, const std::vector<double>& values) {
  const std::string bytes = build(values).bytes();
  storage::ColumnBuffer buffer;
  for (auto _ : state) {
    buffer.clear();
    benchmark::DoNotOptimize(decode_chunk(bytes, model::TimeRange::all(), buffer).is_ok());
  }
  state.SetItemsProcessed(state.iterations() * kSamples);
}

void append_counter(benchmark::State& state) {
  append(state, counter_values());
}
void append_gauge(benchmark::State& state) {
  append(state, gauge_values());
}
void decode_counter(benchmark::State& state) {
  decode(state, counter_values());
}
void decode_gauge(benchmark::State& state) {
  decode(state, gauge_values());
}
BENCHMARK(append_counter);
BENCHMARK(append_gauge);
BENCHMARK(decode_counter);
BENCHMARK(decode_gauge);

}  // namespace
}  // namespace silverback::tsdb::chunkenc
