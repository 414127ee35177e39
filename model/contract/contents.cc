#include "model/contract/contents.h"

#include <algorithm>
#include <utility>

namespace mmtwin::model {

namespace {

constexpr std::uint64_t kBytes = PageBytes{}.size();

// How many of `width` bytes at `at` lie in its page.
unsigned inside(std::uint64_t at, unsigned width) {
  return static_cast<unsigned>(std::min<std::uint64_t>(width, kBytes - at % kBytes));
}

}  // namespace

std::uint64_t Contents::load(std::uint64_t at, unsigned width) const {
  const unsigned here = inside(at, width);
  const auto found = values_.find(at / kBytes);
  std::uint64_t value = here < width ? load(at + here, width - here) << (8 * here) : 0;
  for (unsigned i = 0; found != values_.end() && i < here; ++i)
    value |= std::uint64_t{found->second->bytes[at % kBytes + i]} << (8 * i);
  return value;
}

// Another place may have the page's value too, and so may an image.
PageBytes& Contents::own(std::uint64_t page) {
  std::shared_ptr<Value>& value = values_[page];
  if (value == nullptr || value->places > 1 || value.use_count() > 1) {
    auto copy = value == nullptr ? std::make_shared<Value>() : std::make_shared<Value>(*value);
    if (value != nullptr) leave(value);
    copy->places = 1;
    value = std::move(copy);
  }
  return value->bytes;
}

void Contents::store(std::uint64_t at, unsigned width, std::uint64_t value) {
  const unsigned here = inside(at, width);
  PageBytes& bytes = own(at / kBytes);
  for (unsigned i = 0; i < here; ++i) bytes[at % kBytes + i] = static_cast<std::uint8_t>(value >> (8 * i));
  if (here < width) store(at + here, width - here, value >> (8 * here));
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
