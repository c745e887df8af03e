module "eks" {
  source  = "terraform-aws-modules/eks/aws"
  version = "~> 20.0"

  cluster_addons = {
    coredns = {}
    # label: this add-on does not enforce it
    vpc-cni = {
      most_recent = true
    }
  }
}
