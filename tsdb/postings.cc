#include "tsdb/postings.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <utility>

namespace silverback::tsdb {
namespace {

// Below this many candidates their labels are looked at one by one instead of reading lists.
constexpr size_t kFewCandidates = 64;
// Slots copied at once while looking for a live one.
constexpr size_t kPeek = 16;

void insert_slot(Postings::Slots& slots, uint32_t slot) {
  if (slots.empty() || slots.back() < slot) {
    slots.push_back(slot);
  } else {
    slots.insert(std::lower_bound(slots.begin(), slots.end(), slot), slot);  // replay only
  }
}

Postings::Slots intersect(const Postings::Slots& a, const Postings::Slots& b) {
  Postings::Slots out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

Postings::Slots subtract(const Postings::Slots& a, const Postings::Slots& b) {
  Postings::Slots out;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

}  // namespace

void Postings::add(uint32_t slot, const model::Labels& labels) {
  base::MutexLock lock(mutex_);
  insert_slot(all_, slot);
  for (const model::Label& label : labels) {
    auto name = names_.find(label.name);
    if (name == names_.end()) {
      auto made = std::make_unique<Name>();
      made->text = label.name;
      const std::string_view key = made->text;
      name = names_.emplace(key, std::move(made)).first;
    }
    auto& values = name->second->values;
    auto value = values.find(label.value);
    if (value == values.end()) {
      auto made = std::make_unique<Value>();
      made->text = label.value;
      const std::string_view key = made->text;
      value = values.emplace(key, std::move(made)).first;
    }
    insert_slot(value->second->slots, slot);
    ++name->second->series;
  }
}

const Postings::Name* Postings::find(std::string_view name) const {
  const auto at = names_.find(name);
  return at == names_.end() ? nullptr : at->second.get();
}

std::vector<const Postings::Value*> Postings::values_of(std::string_view name) const {
  base::MutexLock lock(mutex_);
  std::vector<const Value*> out;
  if (const Name* n = find(name)) {
    out.reserve(n->values.size());
    for (const auto& entry : n->values) out.push_back(entry.second.get());
  }
  return out;
}

Postings::Slots Postings::copy(const std::vector<const Value*>& values) const {
  Slots out;
  {
    base::MutexLock lock(mutex_);
    size_t total = 0;
    for (const Value* v : values) total += v->slots.size();
    out.reserve(total);
    for (const Value* v : values) out.insert(out.end(), v->slots.begin(), v->slots.end());
  }
  // One series has one value of a name, so there are no doubles.
  if (values.size() > 1) std::sort(out.begin(), out.end());
  return out;
}

Postings::Slots Postings::matching(const model::Matcher& m) const {
  if (m.type() == model::MatchType::kEqual) return slots(m.name(), m.value());
  if (m.type() == model::MatchType::kRegex && m.regex()->literals()) {
    std::vector<std::string> literals = *m.regex()->literals();
    std::sort(literals.begin(), literals.end());
    literals.erase(std::unique(literals.begin(), literals.end()), literals.end());
    std::vector<const Value*> found;
    {
      base::MutexLock lock(mutex_);
      const Name* n = find(m.name());
      if (n == nullptr) return {};
      for (const std::string& text : literals) {
        if (const auto v = n->values.find(text); v != n->values.end())
          found.push_back(v->second.get());
      }
    }
    return copy(found);
  }
  std::vector<const Value*> values = values_of(m.name());
  std::erase_if(values, [&m](const Value* v) { return !m.matches(v->text); });
  return copy(values);
}

Postings::Slots Postings::not_matching(const model::Matcher& m) const {
  if (m.type() == model::MatchType::kNotEqual) return slots(m.name(), m.value());
  std::vector<const Value*> values = values_of(m.name());
  std::erase_if(values, [&m](const Value* v) { return m.matches(v->text); });
  return copy(values);
}

uint64_t Postings::estimate(const model::Matcher& m) const {
  base::MutexLock lock(mutex_);
  const Name* n = find(m.name());
  if (n == nullptr) return 0;
  if (m.type() != model::MatchType::kEqual) return n->series;
  const auto v = n->values.find(m.value());
  return v == n->values.end() ? 0 : v->second->slots.size();
}

Postings::Slots Postings::select(
    const model::Matchers& matchers,
    const std::function<const model::Labels&(uint32_t)>& labels_of) const {
  // A matcher that takes "" also takes series without the label: it can only remove.
  std::vector<std::pair<uint64_t, const model::Matcher*>> positive;
  std::vector<const model::Matcher*> removing;
  for (const model::Matcher& m : matchers) {
    if (m.matches_empty()) {
      removing.push_back(&m);
    } else {
      positive.emplace_back(estimate(m), &m);
    }
  }
  std::stable_sort(positive.begin(), positive.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });

  Slots out;
  bool begun = false;
  const auto filter = [&](const model::Matcher& m) {
    std::erase_if(out, [&](uint32_t slot) { return !m.matches(labels_of(slot).get(m.name())); });
  };
  for (const auto& [estimated, m] : positive) {
    if (!begun) {
      out = matching(*m);
      begun = true;
    } else if (out.size() <= kFewCandidates || out.size() * 8 < estimated) {
      filter(*m);
    } else {
      out = intersect(out, matching(*m));
    }
    if (out.empty()) return out;
  }
  if (!begun) out = all();
  for (const model::Matcher* m : removing) {
    if (out.size() <= kFewCandidates || out.size() * 8 < estimate(*m)) {
      filter(*m);
    } else {
      out = subtract(out, not_matching(*m));
    }
  }
  return out;
}

Postings::Slots Postings::all() const {
  base::MutexLock lock(mutex_);
  return all_;
}

std::vector<std::string> Postings::names() const {
  base::MutexLock lock(mutex_);
  std::vector<std::string> out;
  out.reserve(names_.size());
  for (const auto& entry : names_) out.emplace_back(entry.first);
  return out;
}

std::vector<std::string> Postings::values(std::string_view name) const {
  std::vector<std::string> out;
  for (const Value* v : values_of(name)) out.push_back(v->text);
  return out;
}

Postings::Slots Postings::slots(std::string_view name, std::string_view value) const {
  base::MutexLock lock(mutex_);
  const Name* n = find(name);
  if (n == nullptr) return {};
  const auto v = n->values.find(value);
  return v == n->values.end() ? Slots() : v->second->slots;
}

bool Postings::any(const Value& value, const Wanted& wanted) const {
  size_t left = std::numeric_limits<size_t>::max();
  while (left > 0) {
    std::array<uint32_t, kPeek> peeked{};
    size_t count = 0;
    {
      base::MutexLock lock(mutex_);
      left = std::min(left, value.slots.size());
      for (; count < kPeek && left > 0; ++count) peeked[count] = value.slots[--left];
    }
    if (std::any_of(peeked.begin(), peeked.begin() + static_cast<ptrdiff_t>(count), wanted))
      return true;
  }
  return false;
}

bool Postings::any(std::string_view name, const Wanted& wanted) const {
  const std::vector<const Value*> values = values_of(name);
  return std::any_of(values.begin(), values.end(), [&](const Value* v) { return any(*v, wanted); });
}

bool Postings::any(std::string_view name, std::string_view value, const Wanted& wanted) const {
  const Value* found = nullptr;
  {
    base::MutexLock lock(mutex_);
    const Name* n = find(name);
    if (n == nullptr) return false;
    const auto at = n->values.find(value);
    if (at == n->values.end()) return false;
    found = at->second.get();
  }
  return any(*found, wanted);
}

std::vector<Postings::Count> Postings::counts() const {
  base::MutexLock lock(mutex_);
  std::vector<Count> out;
  for (const auto& name : names_) {
    for (const auto& value : name.second->values) {
      out.push_back({name.first, value.first, value.second->slots.size()});
    }
  }
  return out;
}

}  // namespace silverback::tsdb
