resource "aws_eks_cluster" "auto" {
  name = "auto"

  compute_config {
    enabled = true
  }
}

module "auto" {
  source         = "terraform-aws-modules/eks/aws"
  enable_irsa    = false
  compute_config = { enabled = true, node_pools = ["general-purpose"] }
}

module "default" {
  source = "terraform-aws-modules/eks/aws"
}

module "agent" {
  source      = "terraform-aws-modules/eks/aws"
  enable_irsa = false
  addons = {
    eks-pod-identity-agent = {}
  }
}
