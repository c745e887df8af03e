terraform {
  backend "kubernetes" {
    secret_suffix = "state" # expect[shared]: this module and `c`
    namespace     = "terraform"
  }
}
