"""Loop programs as text of LLVM, the machine code of it, and where it is kept."""
