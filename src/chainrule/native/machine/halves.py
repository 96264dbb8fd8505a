"""Half precision where the processor has no instruction that converts it: the two functions that LLVM then calls.

They are in the runtime of some compilers, and so in some processes and not in others; here they are part of the module.
"""

from __future__ import annotations

# Subnormal numbers become normal by a product with 2¹¹², and back by a sum with ½, which rounds them to even too.
FUNCTIONS = """
define weak_odr hidden float @__extendhfsf2(half %x) nounwind {
  %short = bitcast half %x to i16
  %bits = zext i16 %short to i32
  %size = and i32 %bits, 32767
  %moved = shl i32 %size, 13
  %small = bitcast i32 %moved to float
  %number = fmul float %small, 0x46F0000000000000
  %finite = bitcast float %number to i32
  %endless = or i32 %moved, 2139095040
  %quiet = or i32 %endless, 4194304
  %is_nan = icmp ugt i32 %size, 31744
  %special = select i1 %is_nan, i32 %quiet, i32 %endless
  %is_special = icmp uge i32 %size, 31744
  %found = select i1 %is_special, i32 %special, i32 %finite
  %other = and i32 %bits, 32768
  %sign = shl i32 %other, 16
  %all = or i32 %found, %sign
  %result = bitcast i32 %all to float
  ret float %result
}

define weak_odr hidden half @__truncsfhf2(float %x) nounwind {
  %bits = bitcast float %x to i32
  %size = and i32 %bits, 2147483647
  %magnitude = bitcast i32 %size to float
  %raised = fadd float %magnitude, 0.5
  %rounded = bitcast float %raised to i32
  %subnormal = sub i32 %rounded, 1056964608
  %last = lshr i32 %size, 13
  %odd = and i32 %last, 1
  %less = add i32 %size, -939520001
  %even = add i32 %less, %odd
  %normal = lshr i32 %even, 13
  %is_small = icmp ult i32 %size, 947912704
  %finite = select i1 %is_small, i32 %subnormal, i32 %normal
  %digits = and i32 %last, 1023
  %nan = or i32 %digits, 32256
  %is_nan = icmp ugt i32 %size, 2139095040
  %special = select i1 %is_nan, i32 %nan, i32 31744
  %is_special = icmp uge i32 %size, 1199570944
  %found = select i1 %is_special, i32 %special, i32 %finite
  %high = lshr i32 %bits, 16
  %sign = and i32 %high, 32768
  %all = or i32 %found, %sign
  %short = trunc i32 %all to i16
  %result = bitcast i16 %short to half
  ret half %result
}
"""
