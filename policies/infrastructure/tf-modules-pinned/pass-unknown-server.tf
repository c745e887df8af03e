# not-evaluated: what `https://modules.example.com/vpc` is, the source of `vanity`, is not known
# The server answers with the address of the module.
module "vanity" {
  source = "https://modules.example.com/vpc"
}
