// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_MEMORY_FUNCTION_REF_HPP
#define TOKENKEEP_MEMORY_FUNCTION_REF_HPP

#include <memory>
#include <type_traits>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Refers to a callable object of any type, which must live longer. It takes no memory.
///   function_ref<void(int)> call = visit;
template <class Signature>
class function_ref;

template <class Result, class... Arguments>
class function_ref<Result(Arguments...)> {
  public:
    template <class Callable>
        requires(!std::is_same_v<std::remove_const_t<Callable>, function_ref> && std::is_object_v<Callable>)
    function_ref(Callable& callable)
    noexcept
        : callable_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
          call_([](void* self, Arguments... arguments) -> Result {
              return (*static_cast<Callable*>(self))(std::forward<Arguments>(arguments)...);
          }) {}

    Result operator()(Arguments... arguments) const { return call_(callable_, std::forward<Arguments>(arguments)...); }

  private:
    void* callable_;
    Result (*call_)(void* callable, Arguments... arguments);
};

}}} // namespace tokenkeep::v1::detail

#endif
