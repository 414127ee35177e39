#include "model/contract/contents.h"

#include <algorithm>
#include <utility>

namespace mmtwin::model {

std::uint8_t Contents::load(std::uint64_t page, std::uint64_t offset) const {
  const auto found = values_.find(page);
  return found == values_.end() ? 0 : found->second->bytes[offset];
}

void Contents::store(std::uint64_t page, std::uint64_t offset, std::uint8_t byte) {
  std::shared_ptr<Value>& value = values_[page];
  // An image may have it as well as another place.
  if (value == nullptr || value->places > 1 || value.use_count() > 1) {
    auto own = value == nullptr ? std::make_shared<Value>() : std::make_shared<Value>(*value);
    if (value != nullptr) leave(value);
    own->places = 1;
    value = std::move(own);
  }
  value->bytes[offset] = byte;
}

void Contents::drop(std::uint64_t first, std::uint64_t end) {
  const auto from = values_.lower_bound(first), to = values_.lower_bound(std::max(first, end));
  for (auto it = from; it != to; ++it) leave(it->second);
  values_.erase(from, to);
}

void Contents::clear() {
  for (const auto& [page, value] : values_) leave(value);
  values_.clear();
}

void Contents::share_with(Contents& child) const { child.restore(values_); }

bool Contents::has_value_of(std::uint32_t places, std::uint64_t first, std::uint64_t end) const {
  return std::any_of(values_.lower_bound(first), values_.lower_bound(std::max(first, end)),
                     [places](const auto& at) { return at.second->places >= places; });
}

void Contents::restore(Image image) {
  for (const auto& [page, value] : image) ++value->places;
  clear();
  values_ = std::move(image);
}

}  // namespace mmtwin::model
