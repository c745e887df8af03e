# What is wrong with a module is told once, where it is.
module "one" {
  source = "./bastion"
}

module "two" {
  source = "./bastion"
}
