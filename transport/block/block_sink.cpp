namespace flashline::transport {}
