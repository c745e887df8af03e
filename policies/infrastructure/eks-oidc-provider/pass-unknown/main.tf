variable "irsa" {
  type = bool
}

module "eks" {
  source      = "terraform-aws-modules/eks/aws"
  enable_irsa = var.irsa
}
